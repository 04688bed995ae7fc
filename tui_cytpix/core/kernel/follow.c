/* engine.network.flows.plain_owners: where each pixel of an object ends that follows the vectors, and which end at one
   place. Interpolated in float32, so that ends differ from OpenCV's in the fifth digit (versions before 5 round places to
   1/32 px). */

#include "kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float LEAST_STEP = 0.3f; /* engine.network.flows */

typedef struct {
    float x, y;
} Vector;

/* Where an object's n pixels in (height, width) end. */
typedef struct {
    ptrdiff_t height, width;
    size_t n;
    const double *x, *y;
} Ends;

/* A pixel of the object: which of the rows' pixels it is, and where it lies. */
typedef struct {
    int32_t at;
    float x, y;
} Pixel;

static inline ptrdiff_t within(ptrdiff_t at, ptrdiff_t size) {
    return at < 0 ? 0 : at >= size ? size - 1 : at;
}

/* The vectors between four pixels; beyond the border as on it. */
static inline Vector between(const Vector *field, ptrdiff_t height, ptrdiff_t width, float x, float y) {
    const float left = floorf(x), upper = floorf(y), across = x - left, down = y - upper;
    const ptrdiff_t x0 = within((ptrdiff_t)left, width), x1 = within((ptrdiff_t)left + 1, width);
    const Vector *const above = field + within((ptrdiff_t)upper, height) * width;
    const Vector *const below = field + within((ptrdiff_t)upper + 1, height) * width;
    const float one = (1 - across) * (1 - down), two = across * (1 - down);
    const float three = (1 - across) * down, four = across * down;
    return (Vector){
        above[x0].x * one + above[x1].x * two + below[x0].x * three + below[x1].x * four,
        above[x0].y * one + above[x1].y * two + below[x0].y * three + below[x1].y * four,
    };
}

/* `ends`: a way of 2 n steps is one of n steps and from there one of n steps more. Ways of all pixels, 0 outside of the
   object; `other` likewise, which of the two is returned. */
VECTORISED static const Vector *ways(
    Vector *way, Vector *other, const Pixel *pixels, size_t n, ptrdiff_t height, ptrdiff_t width
) {
    for (ptrdiff_t steps = 1; steps < height || steps < width; steps *= 2) {
        for (size_t i = 0; i < n; i++) {
            const Pixel pixel = pixels[i];
            const Vector own = way[pixel.at];
            const Vector more = between(way, height, width, pixel.x + own.x, pixel.y + own.y);
            other[pixel.at] = (Vector){own.x + more.x, own.y + more.y};
        }
        Vector *const swapped = way;
        way = other, other = swapped;
    }
    return way;
}

static int32_t nearest(double at, ptrdiff_t size) {
    return (int32_t)within((ptrdiff_t)rint(at), size);
}

/* Marks all of one 8-connected piece of what is -1 with a number. */
static void filled(int32_t *grid, ptrdiff_t height, ptrdiff_t width, ptrdiff_t at, int32_t number, int32_t *stack) {
    size_t todo = 0;
    grid[at] = number, stack[todo++] = (int32_t)at;
    while (todo > 0) {
        const ptrdiff_t y = stack[--todo] / width, x = stack[todo] % width;
        for (ptrdiff_t v = y > 0 ? y - 1 : 0; v <= y + 1 && v < height; v++)
            for (ptrdiff_t u = x > 0 ? x - 1 : 0; u <= x + 1 && u < width; u++)
                if (grid[v * width + u] < 0)
                    grid[v * width + u] = number, stack[todo++] = (int32_t)(v * width + u);
    }
}

/* `_gathered`: of each end the number from 0 of its group, and how many there are. element: (2 radius + 1)^2, what
   belongs to an end; `grid`, `stack`: (height, width). */
static int32_t gathered(
    const Ends *ends, const uint8_t *element, ptrdiff_t radius, int32_t *grid, int32_t *stack, int32_t *owner
) {
    const ptrdiff_t height = ends->height, width = ends->width;
    int32_t groups = 0;
    memset(grid, 0, (size_t)(height * width) * sizeof *grid);
    for (size_t i = 0; i < ends->n; i++) {
        const ptrdiff_t y = nearest(ends->y[i], height), x = nearest(ends->x[i], width);
        owner[i] = (int32_t)(y * width + x);
        if (grid[owner[i]] == -2)
            continue; /* done already */
        for (ptrdiff_t v = y > radius ? y - radius : 0; v <= y + radius && v < height; v++)
            for (ptrdiff_t u = x > radius ? x - radius : 0; u <= x + radius && u < width; u++)
                if (element[(v - y + radius) * (2 * radius + 1) + u - x + radius] && !grid[v * width + u])
                    grid[v * width + u] = -1;
        grid[owner[i]] = -2;
    }
    /* Numbered as OpenCV does: by squares of 2 px, row by row of these. */
    for (ptrdiff_t top = 0; top < height; top += 2)
        for (ptrdiff_t left = 0; left < width; left += 2)
            for (int corner = 0; corner < 4; corner++) {
                const ptrdiff_t y = top + corner / 2, x = left + corner % 2;
                if (y < height && x < width && grid[y * width + x] < 0)
                    filled(grid, height, width, y * width + x, ++groups, stack);
            }
    for (size_t i = 0; i < ends->n; i++)
        owner[i] = grid[owner[i]] - 1;
    return groups;
}

/* Of each group its size, and the mean of its ends' places and of their squares. */
typedef struct {
    double size, x, y, xx, yy;
} Group;

static void summed_up(const Ends *ends, const int32_t *owner, Group *groups, int32_t number) {
    memset(groups, 0, (size_t)number * sizeof *groups);
    for (size_t i = 0; i < ends->n; i++) {
        Group *const group = groups + owner[i];
        const double x = ends->x[i], y = ends->y[i];
        group->size += 1, group->x += x, group->y += y, group->xx += x * x, group->yy += y * y;
    }
    for (int32_t i = 0; i < number; i++) {
        const double size = groups[i].size;
        groups[i].x /= size, groups[i].y /= size, groups[i].xx /= size, groups[i].yy /= size;
    }
}

/* `_scatter`. */
static double scatter(const Group *groups, int32_t number) {
    double most = 0;
    for (int32_t i = 0; i < number; i++) {
        const Group g = groups[i];
        const double squares = (g.xx - g.x * g.x) + (g.yy - g.y * g.y);
        most = fmax(most, squares * 3.14159265358979323846 / g.size);
    }
    return fmin(1, sqrt(most));
}

/* `_without`: members of a group go to the one whose middle is nearest. */
static void left_out(const Ends *ends, int32_t *owner, const Group *groups, int32_t number, int32_t worst) {
    for (size_t i = 0; i < ends->n; i++) {
        int32_t best = owner[i];
        double least = INFINITY;
        for (int32_t j = 0; owner[i] == worst && j < number; j++) {
            const double dx = ends->x[i] - groups[j].x, dy = ends->y[i] - groups[j].y, away = dx * dx + dy * dy;
            if (j != worst && away < least)
                least = away, best = j;
        }
        owner[i] = best - (best > worst);
    }
}

/* Groups that gather too little are dissolved, the smallest first; how many are left, and the doubt. */
static int32_t decided(
    const Ends *ends, int32_t *owner, Group *groups, int32_t number, double least_share, double *doubt
) {
    summed_up(ends, owner, groups, number);
    *doubt = scatter(groups, number);
    while (number > 1) {
        int32_t worst = 0;
        for (int32_t i = 1; i < number; i++)
            worst = groups[i].size < groups[worst].size ? i : worst;
        const double clear = groups[worst].size / (least_share * ((double)ends->n / number)) - 1;
        *doubt = fmax(*doubt, 1 - fmin(fabs(clear), 1));
        if (clear >= 0)
            break;
        left_out(ends, owner, groups, number--, worst);
        summed_up(ends, owner, groups, number);
    }
    return number;
}

/* field_x, field_y, inside: (height, width), rows and columns so many bytes apart; labels: (height, width) zeros, 1.. on
   the object's pixels afterwards; told: their number and the doubt. */
EXPORTED int owners(
    const void *field_x, const void *field_y, ptrdiff_t row_step, ptrdiff_t column_step, const void *inside,
    ptrdiff_t inside_row_step, ptrdiff_t inside_column_step, size_t height, size_t width, const uint8_t *element,
    size_t radius, double least_share, uint16_t *labels, double *told
) {
    const size_t size = height * width;
    int done = FAILED;
    Vector *const way = calloc(size, 2 * sizeof *way);
    Pixel *const pixels = malloc(size * sizeof *pixels);
    int32_t *const grid = malloc(3 * size * sizeof *grid), *const stack = grid + size, *const owner = stack + size;
    double *const x = malloc(2 * size * sizeof *x), *const y = x + size;
    Group *const groups = malloc(size * sizeof *groups);
    if (!way || !pixels || !grid || !x || !groups)
        goto end;
    size_t n = 0;
    for (size_t row = 0; row < height; row++)
        for (size_t column = 0; column < width; column++) {
            const ptrdiff_t v = (ptrdiff_t)row, u = (ptrdiff_t)column, offset = v * row_step + u * column_step;
            if (!((const uint8_t *)inside)[v * inside_row_step + u * inside_column_step])
                continue;
            const float dx = *(const float *)((const uint8_t *)field_x + offset);
            const float dy = *(const float *)((const uint8_t *)field_y + offset);
            const float length = sqrtf(dx * dx + dy * dy), share = 1 / (length > LEAST_STEP ? length : LEAST_STEP);
            pixels[n] = (Pixel){(int32_t)(row * width + column), (float)column, (float)row};
            way[pixels[n++].at] = (Vector){dx * share, dy * share};
        }
    const Vector *const last = ways(way, way + size, pixels, n, (ptrdiff_t)height, (ptrdiff_t)width);
    for (size_t i = 0; i < n; i++) {
        x[i] = (double)pixels[i].x + last[pixels[i].at].x;
        y[i] = (double)pixels[i].y + last[pixels[i].at].y;
    }
    const Ends ends = {(ptrdiff_t)height, (ptrdiff_t)width, n, x, y};
    int32_t number = gathered(&ends, element, (ptrdiff_t)radius, grid, stack, owner);
    number = decided(&ends, owner, groups, number, least_share, told + 1);
    for (size_t i = 0; i < n; i++)
        labels[pixels[i].at] = (uint16_t)(owner[i] + 1);
    told[0] = number;
    done = DONE;
end:
    free(groups);
    free(x);
    free(grid);
    free(pixels);
    free(way);
    return done;
}
