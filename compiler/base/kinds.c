/* Names and sizes of the kinds, from their tables. */
#include "base/kinds.h"

const char *dtype_name(Dtype dtype)
{
    static const char *const names[] = {
#define X(name, bytes) #name,
        DTYPES(X)
#undef X
    };
    return names[dtype];
}

size_t dtype_bytes(Dtype dtype)
{
    static const size_t sizes[] = {
#define X(name, bytes) bytes,
        DTYPES(X)
#undef X
    };
    return sizes[dtype];
}

const char *class_name(TensorClass class)
{
    static const char *const names[] = {
#define X(name) #name,
        TENSOR_CLASSES(X)
#undef X
    };
    return names[class];
}

const char *phase_name(Phase phase)
{
    static const char *const names[] = {
#define X(name) #name,
        PHASES(X)
#undef X
    };
    return names[phase];
}
