/* engine.predict.inference._composed: a network's maps of a crop, brought to a region of the image. Interpolated in
   float32, so that it differs from OpenCV's in the sixth digit (versions before 5 round places to 1/32 px). */

#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where along one axis pixels lie between two of the crop: their places and the second one's weight, (n). */
static void places(ptrdiff_t n, double scale, double first, ptrdiff_t size, int32_t *one, int32_t *other, float *weight) {
    for (ptrdiff_t i = 0; i < n; i++) {
        const double at = scale * ((double)i + 0.5) + first, below = floor(at);
        const double last = (double)(size - 1);
        one[i] = (int32_t)fmin(fmax(below, 0), last); /* the crop's borders go on */
        other[i] = (int32_t)fmin(fmax(below + 1, 0), last);
        weight[i] = (float)(at - below);
    }
}

VECTORISED static void between_rows(const float *upper, const float *lower, float weight, float *row, ptrdiff_t n) {
    for (ptrdiff_t x = 0; x < n; x++)
        row[x] = upper[x] * (1 - weight) + lower[x] * weight;
}

VECTORISED static void between_columns(
    const float *row, const int32_t *left, const int32_t *right, const float *weight, float *found, ptrdiff_t n
) {
    for (ptrdiff_t x = 0; x < n; x++)
        found[x] = row[left[x]] * (1 - weight[x]) + row[right[x]] * weight[x];
}

/* The logistic function, to 2e-7 of itself: 2^whole times the series of e^rest. */
VECTORISED static void logistic(float *values, ptrdiff_t n) {
    static const float log2_e = 1.44269504f, ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f, rounding = 12582912.0f;
    for (ptrdiff_t x = 0; x < n; x++) {
        const float high = values[x] > 87.0f ? 87.0f : values[x], t = high < -87.0f ? 87.0f : -high;
        const float shifted = t * log2_e + rounding, whole = shifted - rounding;
        const float r = (t - whole * ln2_high) - whole * ln2_low;
        float e = 1.0f / 5040;
        e = e * r + 1.0f / 720, e = e * r + 1.0f / 120, e = e * r + 1.0f / 24, e = e * r + 1.0f / 6;
        e = e * r + 0.5f, e = e * r + 1.0f, e = e * r + 1.0f;
        const int32_t exponent = ((int32_t)whole + 127) << 23;
        float power;
        memcpy(&power, &exponent, sizeof power);
        values[x] = 1.0f / (1.0f + e * power);
    }
}

VECTORISED static void chosen(const float *found, const uint8_t *own, float *target, ptrdiff_t n) {
    for (ptrdiff_t x = 0; x < n; x++)
        target[x] = own[x] ? found[x] : target[x];
}

/* Where a region is its own (`own`, (height, width), rows `own_step` bytes apart), its maps: of the first, logits, the
   logistic function.
   crop: (maps, crop_height, crop_width); placing: scale and first place in y, then in x: pixel i of the region lies at
   scale (i + 1/2) + first; target: (maps, height, width), maps and rows so many bytes apart. */
EXPORTED int place_maps(
    const float *crop, size_t maps, size_t crop_height, size_t crop_width, const double *placing, const void *own,
    ptrdiff_t own_step, size_t region_height, size_t region_width, void *target, ptrdiff_t map_step, ptrdiff_t row_step
) {
    const ptrdiff_t height = (ptrdiff_t)region_height, width = (ptrdiff_t)region_width;
    const ptrdiff_t rows = (ptrdiff_t)crop_height, columns = (ptrdiff_t)crop_width;
    float *const row = malloc((size_t)(columns + 4 * width + 3 * height) * sizeof *row);
    if (!row)
        return FAILED;
    float *const found = row + columns, *const across = found + width, *const down = across + width;
    int32_t *const left = (int32_t *)(down + height), *const right = left + width;
    int32_t *const above = right + width, *const below = above + height;
    places(height, placing[0], placing[1], rows, above, below, down);
    places(width, placing[2], placing[3], columns, left, right, across);
    const int at_pixels = placing[0] == 1 && placing[2] == 1 && width > 0 && height > 0 && down[0] == 0 && across[0] == 0;
    const int is_copy = at_pixels && left[width - 1] - left[0] == width - 1; /* none beyond the crop's left or right */
    for (ptrdiff_t map = 0; map < (ptrdiff_t)maps; map++)
        for (ptrdiff_t y = 0; y < height; y++) {
            const float *const image = crop + map * rows * columns;
            if (is_copy) {
                memcpy(found, image + above[y] * columns + left[0], (size_t)width * sizeof *found);
            } else {
                between_rows(image + above[y] * columns, image + below[y] * columns, down[y], row, columns);
                between_columns(row, left, right, across, found, width);
            }
            if (map == 0)
                logistic(found, width);
            float *const to = (float *)((unsigned char *)target + map * map_step + y * row_step);
            chosen(found, (const uint8_t *)own + y * own_step, to, width);
        }
    free(row);
    return DONE;
}
