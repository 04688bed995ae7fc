/* core.images.normalise.normalise_knowing_noise, for images without unlit regions. */

#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* As in core.images.normalise. */
static const float CLIP = 4.0f;
static const double NOISE_THRESHOLD = 3.0, CONTRAST_FLOOR = 8.0, EDGE_SHARE = 0.1, QUARTILE = 0.31864, GAIN = 6.0;
static const double BLACK_SHARE = 0.01;
enum { LEVEL_SAMPLES = 4096, NOISE_SAMPLES = 12288, CONTRAST_SAMPLES = 4096, RIM = 3, BLACK = 2, BLACK_STEPS = 4 };
enum { BLOCK = 16 };

#define SUBTRACTED(NAME, GRAY)                                                                                         \
    /* difference = image - background, (n) each; the darkest gray value. */                                           \
    VECTORISED static GRAY NAME(const GRAY *image, const float *background, float *difference, size_t n) {             \
        GRAY darkest = (GRAY)-1;                                                                                       \
        for (size_t i = 0; i < n; i++) {                                                                               \
            difference[i] = (float)image[i] - background[i];                                                           \
            darkest = image[i] < darkest ? image[i] : darkest;                                                         \
        }                                                                                                              \
        return darkest;                                                                                                \
    }
SUBTRACTED(subtracted_8, uint8_t)
SUBTRACTED(subtracted_16, uint16_t)

/* Whether so much of an image is black that `unlit` has to look where. */
static int is_black(const void *image, int bytes, int darkest, size_t n) {
    size_t black = 0;
    if (darkest > BLACK)
        return 0;
    for (size_t i = 0; i < n; i++)
        black += (bytes == 1 ? ((const uint8_t *)image)[i] : ((const uint16_t *)image)[i]) <= darkest + BLACK_STEPS;
    return (double)black / (double)n >= BLACK_SHARE;
}

/* np.sum of float32. */
static float pairwise_sum(const float *values, size_t n) {
    if (n < 8) {
        float sum = -0.0f;
        for (size_t i = 0; i < n; i++)
            sum += values[i];
        return sum;
    }
    if (n > 128) {
        const size_t half = n / 2 - n / 2 % 8;
        return pairwise_sum(values, half) + pairwise_sum(values + half, n - half);
    }
    float r[8];
    size_t i = 8;
    memcpy(r, values, sizeof r);
    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; j++)
            r[j] += values[i + j];
    float sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    for (; i < n; i++)
        sum += values[i];
    return sum;
}

/* The mean of the shortest interval that holds a quarter of n sorted values; of several the one in the middle. */
static float mode(const float *ordered, size_t n) {
    const size_t width = n / 4 > 1 ? n / 4 : 1;
    if (n <= width)
        return ordered[0];
    float shortest = INFINITY;
    size_t equal = 0, start = 0;
    for (size_t i = 0; i + width < n; i++) {
        const float span = ordered[i + width] - ordered[i];
        equal = span < shortest ? 1 : equal + (span == shortest);
        shortest = span < shortest ? span : shortest;
    }
    for (size_t left = equal / 2;; start++)
        if (ordered[start + width] - ordered[start] <= shortest && left-- == 0)
            break;
    return (float)((double)pairwise_sum(ordered + start, width + 1) / (double)(width + 1));
}

/* `level`: the mode along the edge of (height, width). `scratch`: (6 LEVEL_SAMPLES). */
static float level(const float *image, size_t height, size_t width, float *scratch) {
    const size_t least = height < width ? height : width, n = height * width;
    const double tenth = rint(EDGE_SHARE * (double)least);
    const size_t edge = tenth > 2 ? (size_t)tenth : 2;
    size_t found = 0;
    if (2 * edge >= least) {
        const size_t step = n / LEVEL_SAMPLES > 1 ? n / LEVEL_SAMPLES : 1;
        for (size_t i = 0; i < n; i += step)
            scratch[found++] = image[i];
    } else {
        const struct { size_t y, x, rows, columns; } sides[] = {
            {0, 0, edge, width},
            {height - edge, 0, edge, width},
            {edge, 0, height - 2 * edge, edge},
            {edge, width - edge, height - 2 * edge, edge},
        };
        const size_t all = n - (height - 2 * edge) * (width - 2 * edge);
        const size_t step = all / LEVEL_SAMPLES > 1 ? all / LEVEL_SAMPLES : 1;
        size_t next = 0; /* of the side's pixels, counted row by row */
        for (int side = 0; side < 4; side++) {
            const size_t columns = sides[side].columns, size = sides[side].rows * columns;
            size_t y = next / columns, x = next % columns;
            for (; next < size; next += step) {
                scratch[found++] = image[(sides[side].y + y) * width + sides[side].x + x];
                for (x += step; x >= columns; x -= columns)
                    y++;
            }
            next -= size;
        }
    }
    sort_floats(scratch, (uint32_t *)(scratch + found), found);
    return mode(scratch, found);
}

/* One row of the mixed second difference: high[x], x < width - 2, every step-th of them. */
VECTORISED static void second_difference(
    const float *top, const float *middle, const float *bottom, float *rows, float *high, size_t width
) {
    for (size_t x = 0; x < width; x++)
        rows[x] = (top[x] + bottom[x]) - (middle[x] + middle[x]);
    for (size_t x = 0; x + 2 < width; x++)
        high[x] = fabsf((rows[x] + rows[x + 2]) - (rows[x + 1] + rows[x + 1]));
}

/* `noise`. `scratch`: (n + 2 width). */
static double noise(const float *image, size_t height, size_t width, float *scratch) {
    if (height < 3 || width < 3)
        return 0;
    size_t step = (size_t)sqrt((double)(height * width / NOISE_SAMPLES)), found = 0;
    step = step > 1 ? step : 1;
    float *const high = scratch, *const row = scratch + height * width, *const rows = row + width;
    for (size_t y = 0; y + 2 < height; y += step) {
        const float *const top = image + y * width;
        second_difference(top, top + width, top + 2 * width, rows, row, width);
        for (size_t x = 0; x + 2 < width; x += step)
            high[found++] = row[x];
    }
    return (double)kth_smallest(high, found, found / 4) / (QUARTILE * GAIN);
}

VECTORISED static int any_above(const float *values, float threshold) {
    int found = 0;
    for (int i = 0; i < BLOCK; i++)
        found |= fabsf(values[i]) > threshold;
    return found;
}

/* |difference| where it is above a threshold and not `left_out` (or NULL): (found). */
static size_t above(const float *difference, float threshold, const uint8_t *left_out, float *found, size_t n) {
    size_t kept = 0;
    for (size_t start = 0; start < n; start += BLOCK) {
        const size_t end = start + BLOCK < n ? start + BLOCK : n;
        if (end - start == BLOCK && !any_above(difference + start, threshold))
            continue;
        for (size_t i = start; i < end; i++) {
            const float size = fabsf(difference[i]);
            found[kept] = size;
            kept += size > threshold && !(left_out && left_out[i]);
        }
    }
    return kept;
}

/* `_energy_median`: values are lost. `scratch`: (6 CONTRAST_SAMPLES). */
static double sampled_energy_median(float *values, float *scratch, size_t n) {
    const size_t step = n / CONTRAST_SAMPLES > 1 ? n / CONTRAST_SAMPLES : 1;
    size_t kept = 0;
    for (size_t i = 0; i < n; i += step)
        values[kept++] = values[i];
    return energy_median(values, scratch, kept);
}

/* Marks what is brighter or darker than `glare` in one piece (8-connected) with the border, and all within RIM px of it
   (a square): whether there is any. `queue`: (n). */
static int marked_from_border(
    const float *difference, float glare, uint8_t *marked, uint32_t *queue, ptrdiff_t height, ptrdiff_t width
) {
    enum { REACHED = 2, NEAR = 1 };
    size_t found = 0;
    memset(marked, 0, (size_t)(height * width));
    for (ptrdiff_t y = 0; y < height; y++)
        for (ptrdiff_t x = 0; x < width; x += y == 0 || y == height - 1 || width == 1 ? 1 : width - 1)
            if (fabsf(difference[y * width + x]) > glare)
                marked[y * width + x] = REACHED, queue[found++] = (uint32_t)(y * width + x);
    for (size_t next = 0; next < found; next++) {
        const ptrdiff_t y = queue[next] / width, x = queue[next] % width;
        for (ptrdiff_t v = y > 0 ? y - 1 : 0; v <= y + 1 && v < height; v++)
            for (ptrdiff_t u = x > 0 ? x - 1 : 0; u <= x + 1 && u < width; u++)
                if (!marked[v * width + u] && fabsf(difference[v * width + u]) > glare)
                    marked[v * width + u] = REACHED, queue[found++] = (uint32_t)(v * width + u);
    }
    for (size_t next = 0; next < found; next++) {
        const ptrdiff_t y = queue[next] / width, x = queue[next] % width;
        const ptrdiff_t x0 = x > RIM ? x - RIM : 0, x1 = x + RIM < width ? x + RIM : width - 1;
        for (ptrdiff_t v = y > RIM ? y - RIM : 0; v <= y + RIM && v < height; v++)
            memset(marked + v * width + x0, NEAR, (size_t)(x1 - x0 + 1));
    }
    return found > 0;
}

/* `contrast`. `values`, `stack`: (n), `scratch`: (6 CONTRAST_SAMPLES), `marked`: (n). */
static double contrast(
    const float *difference, double sigma, size_t height, size_t width, float *values, float *scratch, uint8_t *marked
) {
    const float threshold = (float)(NOISE_THRESHOLD * sigma);
    const size_t n = height * width;
    const double whole = sampled_energy_median(values, scratch, above(difference, threshold, NULL, values, n));
    if (whole <= 0)
        return whole;
    const float glare = (float)(whole / 2);
    if (!marked_from_border(difference, glare, marked, (uint32_t *)values, (ptrdiff_t)height, (ptrdiff_t)width))
        return whole;
    const double without = sampled_energy_median(values, scratch, above(difference, threshold, marked, values, n));
    const double floor = CONTRAST_FLOOR * sigma;
    return without >= floor && floor > 0 && without < whole ? without : whole;
}

VECTORISED static void less(float *values, float amount, size_t n) {
    for (size_t i = 0; i < n; i++)
        values[i] -= amount;
}

VECTORISED static void divided_and_clipped(float *values, float unit, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const float value = values[i] / unit, low = value < -CLIP ? -CLIP : value;
        values[i] = low > CLIP ? CLIP : low;
    }
}

/* image: (height, width) of 1 or 2 bytes, background likewise, gray: the answer; told: (2), noise before and after. */
EXPORTED int normalise(
    const void *image, int bytes, const float *background, size_t height, size_t width, float *gray, double *told
) {
    const size_t n = height * width, samples = 6 * (LEVEL_SAMPLES + CONTRAST_SAMPLES);
    const int darkest = bytes == 1 ? subtracted_8(image, background, gray, n) : subtracted_16(image, background, gray, n);
    if (is_black(image, bytes, darkest, n))
        return NOT_HERE;
    float *const values = malloc((n + 2 * width + samples) * sizeof *values + n);
    if (!values)
        return FAILED;
    float *const scratch = values + n + 2 * width;
    uint8_t *const marked = (uint8_t *)(scratch + samples);
    less(gray, level(gray, height, width, scratch), n);
    const double sigma = noise(gray, height, width, values);
    const double found = contrast(gray, sigma, height, width, values, scratch, marked);
    const double unit = found > CONTRAST_FLOOR * sigma ? found : CONTRAST_FLOOR * sigma;
    free(values);
    told[0] = told[1] = 0;
    if (unit > 0) {
        divided_and_clipped(gray, (float)unit, n);
        told[0] = sigma, told[1] = sigma / unit;
    } else {
        memset(gray, 0, n * sizeof *gray);
    }
    return DONE;
}
