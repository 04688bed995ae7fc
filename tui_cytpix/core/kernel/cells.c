/* core.images.differing_regions: which squares of an image, of `cell` px, differ from its background. Means are rounded
   otherwise than OpenCV's, in the seventh digit. */

#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MEASURES = 2, WIDEST = 31 };

/* core.images.differing_regions._Measure. */
typedef struct {
    double window, times, faintest, loudest;
} Measure;

VECTORISED static void add_row(const float *row, float *values, float *squares, size_t n) {
    for (size_t x = 0; x < n; x++) {
        values[x] += row[x];
        squares[x] += row[x] * row[x];
    }
}

/* Means over `cell` neighbouring sums each, the last column repeated. */
static inline void means(const float *sums, size_t cell, size_t width, float *found) {
    const float share = 1 / (float)(cell * cell);
    for (size_t first = 0; first < width; first += cell) {
        float sum = 0;
        if (first + cell <= width)
            for (size_t x = 0; x < cell; x++)
                sum += sums[first + x];
        else
            for (size_t x = 0; x < cell; x++)
                sum += sums[first + x < width ? first + x : width - 1];
        *found++ = sum * share;
    }
}

/* Means of the cells' squares and of their pixels, (rows, columns) each. `sums`: (2 width). */
static inline void cell_means(
    const float *image, size_t height, size_t width, size_t cell, float *squares, float *values, float *sums
) {
    const size_t columns = (width + cell - 1) / cell;
    for (size_t top = 0; top < height; top += cell, squares += columns, values += columns) {
        memset(sums, 0, 2 * width * sizeof *sums);
        for (size_t y = top; y < top + cell; y++)
            add_row(image + (y < height ? y : height - 1) * width, sums, sums + width, width);
        means(sums, cell, width, values);
        means(sums + width, cell, width, squares);
    }
}

/* Where an index beyond an array of n is mirrored to, its ends not twice. */
static ptrdiff_t mirrored(ptrdiff_t i, ptrdiff_t n) {
    while (n > 1 && (i < 0 || i >= n))
        i = i < 0 ? -i : 2 * n - 2 - i;
    return n > 1 ? i : 0;
}

/* cv2.blur in a square window, odd and at most WIDEST. `scratch`: (rows + 2) (columns + WIDEST). */
VECTORISED static void blurred(
    const float *image, ptrdiff_t rows, ptrdiff_t columns, int window, float *blurred, double *scratch
) {
    const ptrdiff_t reach = window / 2;
    double *const sum = scratch + rows * columns, *const row = sum + columns;
    for (ptrdiff_t y = 0; y < rows; y++) {
        double *const across = scratch + y * columns;
        for (ptrdiff_t x = 0; x < columns; x++)
            row[x + reach] = image[y * columns + x];
        for (ptrdiff_t x = 1; x <= reach; x++) {
            row[reach - x] = image[y * columns + mirrored(-x, columns)];
            row[reach + columns - 1 + x] = image[y * columns + mirrored(columns - 1 + x, columns)];
        }
        memset(across, 0, (size_t)columns * sizeof *across);
        for (int k = 0; k < window; k++)
            for (ptrdiff_t x = 0; x < columns; x++)
                across[x] += row[x + k];
    }
    for (ptrdiff_t y = 0; y < rows; y++) {
        memset(sum, 0, (size_t)columns * sizeof *sum);
        for (ptrdiff_t k = -reach; k <= reach; k++)
            for (ptrdiff_t x = 0, from = mirrored(y + k, rows) * columns; x < columns; x++)
                sum[x] += scratch[from + x];
        for (ptrdiff_t x = 0; x < columns; x++)
            blurred[y * columns + x] = (float)(sum[x] / (window * window));
    }
}

/* `_differs`: energies from which a cell does. `values`: those around each, (n), lost. */
static float threshold(float *values, size_t n, double quiet_share, double white, const Measure *measure) {
    const double quarter = kth_smallest(values, n, (size_t)(quiet_share * (double)(n - 1)));
    const double quiet = fmin(quarter, measure->loudest * white);
    return (float)fmax(measure->times * quiet, measure->faintest * measure->faintest);
}

/* busy: (rows, columns), whether a cell differs; white: the noise's variance; measures: of the texture, of the shade */
EXPORTED int busy_cells(
    const float *image, size_t height, size_t width, size_t cell, double white, double quiet_share,
    const Measure *measures, uint8_t *busy
) {
    const size_t rows = (height + cell - 1) / cell, columns = (width + cell - 1) / cell, n = rows * columns;
    const size_t sums = (rows + 2) * (columns + WIDEST);
    double *const scratch = malloc(sums * sizeof *scratch + (4 * n + 2 * width) * sizeof *image);
    if (!scratch)
        return FAILED;
    float *const energies = (float *)(scratch + sums), *const around = energies + 2 * n;
    if (cell == 4) /* the usual one, for which the compiler unrolls */
        cell_means(image, height, width, 4, energies, energies + n, around + 2 * n);
    else
        cell_means(image, height, width, cell, energies, energies + n, around + 2 * n);
    for (size_t at = n; at < 2 * n; at++)
        energies[at] *= energies[at];
    memset(busy, 0, n);
    for (int i = 0; i < MEASURES; i++) {
        const double noise = i == 0 ? white : white / (double)(cell * cell);
        const float *const means = energies + (size_t)i * n;
        blurred(means, (ptrdiff_t)rows, (ptrdiff_t)columns, (int)measures[i].window, around, scratch);
        memcpy(around + n, around, n * sizeof *around);
        const float least = threshold(around + n, n, quiet_share, noise, measures + i);
        for (size_t at = 0; at < n; at++)
            busy[at] |= around[at] > least;
    }
    free(scratch);
    return DONE;
}
