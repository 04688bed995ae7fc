/* Sorting and selecting floats by their bits. */

#include "kernel.h"

#include <string.h>

EXPORTED uint32_t sources_hash(void) {
    return SOURCES_HASH; /* build.sources_hash */
}

enum { DIGIT = 11, BINS = 1 << DIGIT, ROUNDS = 3 };

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Ascending, in place; no NaN. `scratch`: (2 n). As np.sort, by digits of 11 bits. */
void sort_floats(float *values, uint32_t *scratch, size_t n) {
    static const uint32_t sign = 0x80000000u;
    uint32_t counts[ROUNDS][BINS] = {{0}}, *from = scratch, *to = scratch + n;
    for (size_t i = 0; i < n; i++) {
        const uint32_t bits = bits_of(values[i]), key = bits & sign ? ~bits : bits | sign;
        from[i] = key; /* in the order of the floats */
        for (int round = 0; round < ROUNDS; round++)
            counts[round][key >> (round * DIGIT) & (BINS - 1)]++;
    }
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t *count = counts[round], first = 0;
        for (int bin = 0; bin < BINS; bin++) {
            const uint32_t number = count[bin];
            count[bin] = first;
            first += number;
        }
        for (size_t i = 0; i < n; i++)
            to[count[from[i] >> (round * DIGIT) & (BINS - 1)]++] = from[i];
        uint32_t *const swapped = from;
        from = to;
        to = swapped;
    }
    for (size_t i = 0; i < n; i++)
        values[i] = float_of(from[i] & sign ? from[i] & ~sign : ~from[i]);
}

/* What is spread evenly over BINS: from the lowest to the highest bits of n values, all >= 0, n > 0. */
typedef struct {
    uint32_t lowest;
    int shift;
} Spread;

VECTORISED static Spread spread_of(const float *values, size_t n) {
    uint32_t lowest = UINT32_MAX, highest = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t bits = bits_of(values[i]);
        lowest = bits < lowest ? bits : lowest;
        highest = bits > highest ? bits : highest;
    }
    int shift = 0;
    while ((highest - lowest) >> shift >= BINS)
        shift++;
    return (Spread){lowest, shift};
}

static uint32_t bin_of(float value, Spread spread) {
    return (bits_of(value) - spread.lowest) >> spread.shift;
}

/* What stands at place k of the sorted values, (n), all >= 0, n > k; they are lost. As core.images.order_statistic:
   again and again only those are kept that fall into the bin with that place. */
float kth_smallest(float *values, size_t n, size_t k) {
    for (;;) {
        const Spread spread = spread_of(values, n);
        uint32_t counts[BINS] = {0}, bin = 0;
        for (size_t i = 0; i < n; i++)
            counts[bin_of(values[i], spread)]++;
        for (; k >= counts[bin]; bin++)
            k -= counts[bin];
        if (spread.shift == 0)
            return float_of(spread.lowest + bin);
        size_t kept = 0;
        for (size_t i = 0; i < n; i++) {
            const float value = values[i];
            values[kept] = value;
            kept += bin_of(value, spread) == bin;
        }
        n = kept;
    }
}

/* The value below which half of the energy (sum of squares) of the values, (n), all > 0, lies; 0 where n is 0.
   `scratch`: (3 n). As core.images.normalise._energy_median of all of them, but for the order of its sums: only those
   are sorted that fall into the answer's bin. */
float energy_median(const float *values, float *scratch, size_t n) {
    if (n == 0)
        return 0;
    const Spread spread = spread_of(values, n);
    double energies[BINS] = {0}, half = 0, below = 0;
    for (size_t i = 0; i < n; i++)
        energies[bin_of(values[i], spread)] += (double)values[i] * values[i];
    for (int bin = 0; bin < BINS; bin++)
        half += energies[bin] / 2;
    uint32_t bin = 0;
    while (bin < BINS - 1 && below + energies[bin] < half)
        below += energies[bin++];
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (bin_of(values[i], spread) == bin)
            scratch[kept++] = values[i];
    sort_floats(scratch, (uint32_t *)(scratch + kept), kept);
    for (size_t i = 0; i < kept; i++) {
        below += (double)scratch[i] * scratch[i];
        if (below >= half)
            return scratch[i];
    }
    return kept ? scratch[kept - 1] : 0; /* none where there is NaN */
}
