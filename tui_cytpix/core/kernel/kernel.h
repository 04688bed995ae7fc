/* What most of the processor's time goes into. Each function's plain counterpart in NumPy and OpenCV is named with it;
   tests/core/kernel compares the two. Arrays are contiguous unless strides are given; `library.py` checks their types and
   sizes. Nothing here is rounded otherwise than there, unless it says so. */

#ifndef TUI_CYTPIX_KERNEL_H
#define TUI_CYTPIX_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

/* Loops over whole images, compiled twice: for any x86-64, and for those with AVX2, found out when the library is loaded. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define VECTORISED __attribute__((target_clones("avx2", "default")))
#else
#define VECTORISED
#endif

enum { FAILED = -1, DONE = 0, NOT_HERE = 1 }; /* no memory; a rare case, left to the plain code */

/* order.c */
void sort_floats(float *values, uint32_t *scratch, size_t n);
float kth_smallest(float *values, size_t n, size_t k);
float energy_median(const float *values, float *scratch, size_t n);

#endif
