/* Watches a GPU's memory while another program runs: free_memory FILE writes the fewest free bytes
 * that cudaMemGetInfo gave so far into FILE, ten times a second, until it is ended. */
#include <cstdio>
#include <cuda_runtime.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    size_t least = (size_t)-1, there = 0, total = 0;
    while (argc > 1 && cudaMemGetInfo(&there, &total) == cudaSuccess) {
        if (there < least) {
            FILE *out = fopen(argv[1], "w");
            if (!out)
                return 3;
            fprintf(out, "%zu\n", there);
            fclose(out);
            least = there;
        }
        usleep(100000);
    }
    return 3;
}
