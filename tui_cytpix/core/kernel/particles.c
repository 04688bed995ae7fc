/* engine.network.postprocess: what the network's maps show on the pixels of an object's particles. */

#include "kernel.h"

#include <math.h>

enum { AREA, BELIEF, SUREST, Y, X, SUMS };
enum { BLOCK = 16 };

/* Rows of (height, width), so many bytes apart. */
typedef struct {
    const uint8_t *first;
    ptrdiff_t step;
} Rows;

/* Of one row: whose each pixel is, of 1 or 2 bytes. */
static inline uint32_t label_of(const uint8_t *row, int bytes, ptrdiff_t x) {
    return bytes == 1 ? row[x] : ((const uint16_t *)row)[x];
}

/* Adds what the pixels of labels 1..count show to their sums; 0 where a label is higher. */
static inline int added(
    Rows beliefs, Rows labels, int bytes, ptrdiff_t height, ptrdiff_t width, size_t count, double *found
) {
    for (ptrdiff_t y = 0; y < height; y++) {
        const float *const belief = (const float *)(beliefs.first + y * beliefs.step);
        const uint8_t *const row = labels.first + y * labels.step;
        for (ptrdiff_t x = 0; x < width; x++) {
            const uint32_t label = label_of(row, bytes, x);
            if (label == 0)
                continue;
            if (label > count)
                return 0;
            double *const sums = found + (label - 1) * SUMS;
            const double p = belief[x];
            sums[AREA] += 1, sums[BELIEF] += p, sums[Y] += (double)y, sums[X] += (double)x;
            sums[SUREST] = p > sums[SUREST] ? p : sums[SUREST];
        }
    }
    return 1;
}

/* Whether the vectors on all of an object's pixels lead towards their middle, or the pixels are near to it. */
static inline int leads_to_middle(
    Rows xs, Rows ys, Rows labels, int bytes, ptrdiff_t height, ptrdiff_t width, const double *sums, double near
) {
    const double middle_y = sums[Y] / sums[AREA], middle_x = sums[X] / sums[AREA];
    for (ptrdiff_t v = 0; v < height; v++) {
        const float *const dx = (const float *)(xs.first + v * xs.step), *const dy = (const float *)(ys.first + v * ys.step);
        const uint8_t *const row = labels.first + v * labels.step;
        const double y = middle_y - (double)v;
        for (ptrdiff_t u = 0; u < width; u++) {
            const double x = middle_x - (double)u;
            if (label_of(row, bytes, u) && !(dx[u] * x + dy[u] * y > 0) && !(x * x + y * y <= near))
                return 0;
        }
    }
    return 1;
}

/* `plain_sums`.
   maps: the foreground's probability, the vectors' x and y, (height, width), maps and rows so many bytes apart; labels: 0
   or a particle's number, 1..count, of 1 or 2 bytes; near: square of the distance, px; found: (count, SUMS) zeros. */
EXPORTED int particle_sums(
    const void *maps, ptrdiff_t map_step, ptrdiff_t row_step, const void *numbers, int bytes, ptrdiff_t labels_step,
    size_t rows, size_t columns, size_t count, double near, double *found, int *is_one
) {
    const ptrdiff_t height = (ptrdiff_t)rows, width = (ptrdiff_t)columns;
    const uint8_t *const first = maps;
    const Rows belief = {first, row_step}, dx = {first + map_step, row_step}, dy = {first + 2 * map_step, row_step};
    const Rows labels = {numbers, labels_step};
    const int all = bytes == 1 ? added(belief, labels, 1, height, width, count, found)
                               : added(belief, labels, 2, height, width, count, found);
    *is_one = all && count == 1 &&
              (bytes == 1 ? leads_to_middle(dx, dy, labels, 1, height, width, found, near)
                          : leads_to_middle(dx, dy, labels, 2, height, width, found, near));
    return all ? DONE : NOT_HERE;
}

VECTORISED static int any_likely(const float *probability, const uint8_t *mask, float likely) {
    int found = 0;
    for (int i = 0; i < BLOCK; i++)
        found |= (probability[i] > likely) | mask[i];
    return found;
}

/* `mask_certainty`, before it is rescaled: the mean of |2 p - 1| over the pixels in the mask or likelier than `likely`, n
   in all. Summed in float64, so that it differs from NumPy's in the seventh digit. */
EXPORTED int mask_clearness(const float *probability, const uint8_t *mask, size_t n, float likely, double *clearness) {
    double sum = 0;
    size_t number = 0;
    for (size_t start = 0; start < n; start += BLOCK) {
        const size_t end = start + BLOCK < n ? start + BLOCK : n;
        if (end - start == BLOCK && !any_likely(probability + start, mask + start, likely))
            continue;
        for (size_t i = start; i < end; i++)
            if (mask[i] || probability[i] > likely) {
                sum += fabsf(probability[i] * 2 - 1);
                number++;
            }
    }
    *clearness = number ? sum / (double)number : NAN;
    return DONE;
}
