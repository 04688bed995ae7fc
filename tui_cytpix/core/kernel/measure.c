/* Sums over the regions of one image: what core.features calculates from `Pixels`, region by region. Sums are taken in
   another order than NumPy's, so that they differ in the last digits. */

#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = 64, LEVELS_PER_UNIT = 32, BINS_PER_UNIT = 256 }; /* core.features.texture, .intensity */

/* A region's row; core.features.sums takes it apart. */
enum Column {
    NUMBER, LOWEST_Y, HIGHEST_Y, LOWEST_X, HIGHEST_X, MIDDLE_Y, MIDDLE_X, VARIANCE_Y, VARIANCE_X, COVARIANCE,
    STRAIGHT, DIAGONAL, LONGEST, NARROWEST, GYRATION,
    GRAY, /* nine statistics */
    RATIO = GRAY + 9, /* the same */
    TEXTURE = RATIO + 9, /* four */
    COLUMNS = TEXTURE + 4
};

/* Part of an image, (height, width), a row every so many bytes. */
typedef struct {
    const unsigned char *gray, *background, *labels;
    ptrdiff_t gray_step, background_step, labels_step;
    int gray_bytes, label_bytes;
    ptrdiff_t height, width;
} Patch;

/* The pixels of a region, row by row, (n) each. */
typedef struct {
    size_t n;
    const int32_t *y, *x;
    const double *gray, *background, *ratio;
} Region;

/* One row of pixels of 1, 2 or 4 bytes. */
static void row_of(const unsigned char *row, int bytes, uint32_t *values, ptrdiff_t n) {
    for (ptrdiff_t x = 0; bytes == 1 && x < n; x++)
        values[x] = row[x];
    for (ptrdiff_t x = 0; bytes == 2 && x < n; x++)
        values[x] = ((const uint16_t *)row)[x];
    if (bytes == 4)
        memcpy(values, row, (size_t)n * sizeof *values);
}

static uint32_t texture_level(double ratio) {
    const double level = ratio * LEVELS_PER_UNIT;
    return level < LEVELS - 1 ? (uint32_t)level : LEVELS - 1;
}

/* log2 n - sum c log2 c / n of how often each of n values' bins occurs, c: as -sum p log2 p. `counts`: zeros for all bins
   from `lowest` to the highest value, zeros again afterwards. */
static double entropy(const double *values, double per_unit, double lowest, size_t n, uint32_t *counts) {
    const int64_t first = (int64_t)(lowest * per_unit);
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        counts[(int64_t)(values[i] * per_unit) - first]++;
    for (size_t i = 0; i < n; i++) {
        uint32_t *const count = counts + ((int64_t)(values[i] * per_unit) - first);
        if (*count > 1)
            sum += *count * log2(*count);
        *count = 0;
    }
    const double found = log2((double)n) - sum / (double)n;
    return found > 0 ? found : 0;
}

/* core.features.intensity.intensity: Max, Min, Total, Average, StandardDeviation, CV, Skewness, Kurtosis, Entropy. */
static void intensity(const double *values, double per_unit, size_t n, uint32_t *counts, double *found) {
    double low = values[0], high = values[0], total = 0, m2 = 0, m3 = 0, m4 = 0;
    for (size_t i = 0; i < n; i++) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
        total += values[i];
    }
    const double number = (double)n, average = total / number;
    for (size_t i = 0; i < n; i++) {
        const double away = values[i] - average, square = away * away;
        m2 += square, m3 += square * away, m4 += square * square;
    }
    m2 /= number, m3 /= number, m4 /= number;
    const double varied = high > low ? m2 : NAN;
    found[0] = high, found[1] = low, found[2] = total, found[3] = average, found[4] = sqrt(m2);
    found[5] = average != 0 ? 100 * sqrt(m2) / average : NAN;
    found[6] = m3 / pow(varied, 1.5), found[7] = m4 / (varied * varied) - 3;
    found[8] = entropy(values, per_unit, low, n, counts);
}

/* Where the pixels lie: middles, variances, extent, and the radius of gyration weighted by |gray - background|. */
static void moments(const Region *region, double *found) {
    const size_t n = region->n;
    double y = 0, x = 0, yy = 0, xx = 0, xy = 0, weight = 0, wy = 0, wx = 0, wyy = 0, wxx = 0;
    int32_t left = region->x[0], right = region->x[0];
    for (size_t i = 0; i < n; i++) {
        y += region->y[i], x += region->x[i];
        left = region->x[i] < left ? region->x[i] : left;
        right = region->x[i] > right ? region->x[i] : right;
    }
    y /= (double)n, x /= (double)n;
    for (size_t i = 0; i < n; i++) {
        const double dy = region->y[i] - y, dx = region->x[i] - x, w = fabs(region->gray[i] - region->background[i]);
        yy += dy * dy, xx += dx * dx, xy += dy * dx;
        weight += w, wy += w * dy, wx += w * dx, wyy += w * dy * dy, wxx += w * dx * dx;
    }
    found[NUMBER] = (double)n;
    found[LOWEST_Y] = region->y[0], found[HIGHEST_Y] = region->y[n - 1];
    found[LOWEST_X] = left, found[HIGHEST_X] = right, found[MIDDLE_Y] = y, found[MIDDLE_X] = x;
    found[VARIANCE_Y] = yy / (double)n, found[VARIANCE_X] = xx / (double)n, found[COVARIANCE] = xy / (double)n;
    wy /= weight, wx /= weight;
    const double spread = (wyy / weight - wy * wy) + (wxx / weight - wx * wx);
    found[GYRATION] = weight > 0 ? sqrt(spread > 0 ? spread : 0) : NAN;
}

typedef struct {
    int64_t y, x;
} Corner;

/* Adds a corner to one side of a convex hull: those before it that it makes concave, or lie on a line, go. */
static size_t hull_with(Corner *hull, size_t n, Corner next, int side) {
    while (n > 1) {
        const Corner one = hull[n - 2], two = hull[n - 1];
        const int64_t turn = (two.x - one.x) * (next.y - one.y) - (two.y - one.y) * (next.x - one.x);
        if (turn * side > 0)
            break;
        n--;
    }
    hull[n] = next;
    return n + 1;
}

/* core.features.shape.feret_diameters. `hull`: (6 rows). */
static void feret(const Region *region, Corner *hull, double *found) {
    /* Each pixel is a unit square: of a row the first one's left and the last one's right corners matter. Down the left
       side of the hull, then down the right one. */
    size_t left = 0, right = 0;
    Corner *const other = hull + 4 * (size_t)(region->y[region->n - 1] - region->y[0] + 1);
    for (size_t i = 0, end; i < region->n; i = end) {
        for (end = i + 1; end < region->n && region->y[end] == region->y[i]; end++)
            ;
        for (int64_t y = region->y[i]; y <= region->y[i] + 1; y++) {
            left = hull_with(hull, left, (Corner){y, region->x[i]}, -1);
            right = hull_with(other, right, (Corner){y, region->x[end - 1] + 1}, 1);
        }
    }
    for (size_t i = 0; i < right; i++) /* all around */
        hull[left + i] = other[right - 1 - i];
    const size_t corners = left + right;
    int64_t longest = 0;
    double narrowest = INFINITY;
    for (size_t i = 0; i < corners; i++) {
        const Corner here = hull[i], next = hull[(i + 1) % corners];
        const int64_t dy = next.y - here.y, dx = next.x - here.x;
        int64_t low = INT64_MAX, high = INT64_MIN;
        for (size_t j = 0; j < corners; j++) {
            const int64_t y = hull[j].y - here.y, x = hull[j].x - here.x;
            const int64_t ahead = dx * y - dy * x, apart = y * y + x * x;
            low = ahead < low ? ahead : low;
            high = ahead > high ? ahead : high;
            longest = apart > longest ? apart : longest;
        }
        const double across = (double)(high - low) / hypot((double)dy, (double)dx);
        narrowest = across < narrowest ? across : narrowest;
    }
    found[LONGEST] = sqrt((double)longest), found[NARROWEST] = narrowest;
}

/* core.features.shape.perimeter's crossings and core.features.texture.cooccurrence. `map`: of each pixel LEVELS times its
   label and its level, with a rim of zeros; `pairs`: (LEVELS, LEVELS) zeros, zeros again afterwards. */
static void neighbours(const uint32_t *map, ptrdiff_t stride, const Region *region, uint32_t *pairs, double *found) {
    const ptrdiff_t steps[4] = {1, stride, stride + 1, stride - 1};
    size_t same[4] = {0};
    for (size_t i = 0; i < region->n; i++) {
        const uint32_t *const at = map + (region->y[i] + 1) * stride + region->x[i] + 1;
        const uint32_t here = *at % LEVELS, own = *at - here;
        for (int step = 0; step < 4; step++) {
            const uint32_t there = at[steps[step]] - own; /* wraps around where the label is lower */
            if (there >= LEVELS)
                continue;
            pairs[here * LEVELS + there]++;
            same[step]++;
        }
    }
    found[STRAIGHT] = 2.0 * (double)(2 * region->n - same[0] - same[1]);
    found[DIAGONAL] = 2.0 * (double)(2 * region->n - same[2] - same[3]);
    const double all = (double)(same[0] + same[1] + same[2] + same[3]);
    double most = 0, contrast = 0, entropy = 0, second = 0;
    for (int low = 0; low < LEVELS; low++)
        for (int high = low; high < LEVELS; high++) {
            /* The matrix is symmetric: a pair and its reverse are counted as one. */
            uint32_t *const one = pairs + low * LEVELS + high, *const reverse = pairs + high * LEVELS + low;
            const uint32_t times = low == high ? *one : *one + *reverse;
            if (!times)
                continue;
            const double entries = low == high ? 1 : 2, p = times / (all * entries), weight = entries * p;
            most = p > most ? p : most;
            contrast += (high - low) * (high - low) * weight;
            entropy -= weight * log2(p);
            second += weight * p;
            *one = *reverse = 0;
        }
    const double lonely = all > 0 ? 0 : NAN;
    double *const texture = found + TEXTURE;
    texture[0] = most + lonely, texture[1] = contrast + lonely, texture[2] = entropy + lonely, texture[3] = second + lonely;
}

/* Labels with a rim of zeros, (height + 2, width + 2), and how many pixels each of 1..count has: 0 where one is higher. */
static int mapped(const Patch *patch, uint32_t *map, size_t *numbers, size_t count) {
    for (ptrdiff_t y = 0; y < patch->height; y++) {
        uint32_t *const row = map + (y + 1) * (patch->width + 2) + 1;
        row_of(patch->labels + y * patch->labels_step, patch->label_bytes, row, patch->width);
        for (ptrdiff_t x = 0; x < patch->width; x++)
            if (row[x] > count)
                return 0;
            else if (row[x])
                numbers[row[x]]++;
    }
    return 1;
}

/* The pixels of regions 1..count, region by region, row by row; the map of their labels becomes that of `neighbours`.
   `ends`: (count + 1), where each region begins, and afterwards ends; `grays`: (width). */
static void gathered(
    const Patch *patch, uint32_t *map, size_t *ends, uint32_t *grays, int32_t *y, int32_t *x, double *gray,
    double *background, double *ratio
) {
    for (ptrdiff_t row = 0; row < patch->height; row++) {
        const float *const behind = (const float *)(patch->background + row * patch->background_step);
        uint32_t *const labels = map + (row + 1) * (patch->width + 2) + 1;
        row_of(patch->gray + row * patch->gray_step, patch->gray_bytes, grays, patch->width);
        for (ptrdiff_t column = 0; column < patch->width; column++) {
            if (!labels[column])
                continue;
            const size_t at = ends[labels[column]]++;
            y[at] = (int32_t)row, x[at] = (int32_t)column;
            gray[at] = grays[column], background[at] = behind[column];
            ratio[at] = gray[at] / (background[at] > 1 ? background[at] : 1);
            labels[column] = labels[column] * LEVELS + texture_level(ratio[at]);
        }
    }
}

/* From the lowest to the highest of n values. */
static double range(const double *values, size_t n) {
    double low = values[0], high = values[0];
    for (size_t i = 0; i < n; i++) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    return high - low;
}

/* The counters that a region may need: for its gray values, their ratios to the background, and pairs of levels. */
static size_t most_counters(const double *gray, const double *ratio, size_t n) {
    double most = LEVELS * LEVELS;
    if (n > 0) {
        most = fmax(most, range(gray, n));
        most = fmax(most, range(ratio, n) * BINS_PER_UNIT);
    }
    return (size_t)most + 2;
}

/* found: (count, COLUMNS): of each region that has a pixel its row, else NUMBER 0 and the rest as it was. */
EXPORTED int measure(
    const void *gray, int gray_bytes, ptrdiff_t gray_step, const void *background, ptrdiff_t background_step,
    const void *labels, int label_bytes, ptrdiff_t labels_step, size_t height, size_t width, size_t count, double *found
) {
    const Patch patch = {gray, background, labels, gray_step, background_step, labels_step, gray_bytes, label_bytes,
                         (ptrdiff_t)height, (ptrdiff_t)width};
    int done = FAILED;
    double *values = NULL;
    uint32_t *counters = NULL;
    uint32_t *const map = calloc((height + 2) * (width + 2), sizeof *map);
    size_t *const ends = calloc(count + 1, sizeof *ends), all = 0;
    if (!ends || !map)
        goto end;
    if (!mapped(&patch, map, ends, count)) {
        done = NOT_HERE;
        goto end;
    }
    for (size_t label = 1; label <= count; label++) {
        const size_t number = ends[label];
        ends[label] = all, all += number;
    }
    values = malloc(3 * all * sizeof *values + 6 * height * sizeof(Corner) + (2 * all + width) * sizeof(int32_t));
    if (!values)
        goto end;
    double *const behind = values + all, *const ratio = behind + all;
    Corner *const hull = (Corner *)(ratio + all);
    int32_t *const y = (int32_t *)(hull + 6 * height), *const x = y + all;
    gathered(&patch, map, ends, (uint32_t *)(x + all), y, x, values, behind, ratio);
    counters = calloc(most_counters(values, ratio, all), sizeof *counters);
    if (!counters)
        goto end;
    for (size_t label = 1, start = 0; label <= count; start = ends[label++]) {
        const Region region = {ends[label] - start, y + start, x + start, values + start, behind + start, ratio + start};
        double *const row = found + (label - 1) * COLUMNS;
        row[NUMBER] = 0;
        if (!region.n)
            continue;
        moments(&region, row);
        feret(&region, hull, row);
        neighbours(map, patch.width + 2, &region, counters, row);
        intensity(region.gray, 1, region.n, counters, row + GRAY);
        intensity(region.ratio, BINS_PER_UNIT, region.n, counters, row + RATIO);
    }
    done = DONE;
end:
    free(counters);
    free(values);
    free(ends);
    free(map);
    return done;
}
