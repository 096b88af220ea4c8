/* The driver's library is opened at run time: rematc itself links to nothing of CUDA. */
#include "gpu.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

/* C has no cast from an object pointer to a function pointer: the bits are copied, as POSIX allows.
 */
typedef int InitFunction(unsigned);
typedef int CountFunction(int *);

bool gpu_usable(void)
{
    void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!driver)
        return false;
    InitFunction *init = NULL;
    CountFunction *count = NULL;
    void *symbol = dlsym(driver, "cuInit");
    memcpy(&init, &symbol, sizeof init);
    symbol = dlsym(driver, "cuDeviceGetCount");
    memcpy(&count, &symbol, sizeof count);
    int n = 0;
    bool usable = init && count && init(0) == 0 && count(&n) == 0 && n > 0;
    dlclose(driver);
    return usable;
}
