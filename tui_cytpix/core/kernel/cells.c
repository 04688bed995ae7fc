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

static float mean_of(const float *sums, size_t first, size_t cell, size_t width) {
    const size_t end = first + cell < width ? first + cell : width;
    float sum = (float)(first + cell - end) * sums[width - 1]; /* the last column is repeated */
    for (size_t x = first; x < end; x++)
        sum += sums[x];
    return sum / (float)(cell * cell);
}

/* Means of the cells' squares and the squares of their means, (rows, columns) each. `sums`: (2 width). */
static void cell_energies(
    const float *image, size_t height, size_t width, size_t cell, float *texture, float *shade, float *sums
) {
    for (size_t top = 0; top < height; top += cell) {
        memset(sums, 0, 2 * width * sizeof *sums);
        for (size_t y = top; y < top + cell; y++)
            add_row(image + (y < height ? y : height - 1) * width, sums, sums + width, width);
        for (size_t left = 0; left < width; left += cell) {
            const float mean = mean_of(sums, left, cell, width);
            *shade++ = mean * mean;
            *texture++ = mean_of(sums + width, left, cell, width);
        }
    }
}

/* Where an index beyond an array of n is mirrored to, its ends not twice. */
static ptrdiff_t mirrored(ptrdiff_t i, ptrdiff_t n) {
    while (n > 1 && (i < 0 || i >= n))
        i = i < 0 ? -i : 2 * n - 2 - i;
    return n > 1 ? i : 0;
}

/* sums[i] += values[i], (n). */
VECTORISED static void add(double *sums, const double *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        sums[i] += values[i];
}

/* cv2.blur in a square window, odd and at most WIDEST. `scratch`: (rows + 2) (columns + WIDEST). */
static void blurred(const float *image, ptrdiff_t rows, ptrdiff_t columns, int window, float *blurred, double *scratch) {
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
            add(across, row + k, (size_t)columns);
    }
    for (ptrdiff_t y = 0; y < rows; y++) {
        memset(sum, 0, (size_t)columns * sizeof *sum);
        for (ptrdiff_t k = -reach; k <= reach; k++)
            add(sum, scratch + mirrored(y + k, rows) * columns, (size_t)columns);
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

/* busy: (rows, columns), whether a cell differs; white: the noise's variance; measures: of the texture, of the shade. */
EXPORTED int busy_cells(
    const float *image, size_t height, size_t width, size_t cell, double white, double quiet_share,
    const Measure *measures, uint8_t *busy
) {
    const size_t rows = (height + cell - 1) / cell, columns = (width + cell - 1) / cell, n = rows * columns;
    double *const scratch = malloc((rows + 2) * (columns + WIDEST) * sizeof *scratch + (4 * n + 2 * width) * sizeof *image);
    if (!scratch)
        return FAILED;
    float *const energies = (float *)(scratch + (rows + 2) * (columns + WIDEST)), *const around = energies + 2 * n;
    cell_energies(image, height, width, cell, energies, energies + n, around + 2 * n);
    memset(busy, 0, n);
    for (int i = 0; i < MEASURES; i++) {
        const double noise = i == 0 ? white : white / (double)(cell * cell);
        blurred(energies + (size_t)i * n, (ptrdiff_t)rows, (ptrdiff_t)columns, (int)measures[i].window, around, scratch);
        memcpy(around + n, around, n * sizeof *around);
        const float least = threshold(around + n, n, quiet_share, noise, measures + i);
        for (size_t at = 0; at < n; at++)
            busy[at] |= around[at] > least;
    }
    free(scratch);
    return DONE;
}
