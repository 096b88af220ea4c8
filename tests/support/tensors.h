/* The tensors of a safetensors file, for tests that compare two of them. */
#ifndef TENSORS_H
#define TENSORS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    char name[120], dtype[8];
    const char *data;
    size_t bytes;
} TestTensor;

typedef struct {
    char *file;
    TestTensor *list;
    int n;
} TestTensors;

/* Ends the test where the file is not there or is none. */
TestTensors tensors_read(const char *path);
void tensors_free(TestTensors *tensors);
/* NULL where there is none of that name. */
const TestTensor *tensors_find(const TestTensors *tensors, const char *name);
double tensors_element(const TestTensor *tensor, size_t i);
size_t tensors_count(const TestTensor *tensor);

/* The largest difference between the elements of two tensors, over the largest element of the
 * first; NaN where either has one, or where they differ in kind. */
double tensors_difference(const TestTensor *a, const TestTensor *b);
/* The same names with the same bits; else prints which differ. */
bool tensors_same_bits(const TestTensors *a, const TestTensors *b);

#endif
