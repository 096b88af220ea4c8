/* Host tool of the build: prints the files named on its command line as one C source that defines
 * embedded_files[] (emit/embedded.h), so that the compiler needs none of them at run time. */
#include <stdio.h>
#include <stdlib.h>

static void fail(const char *path)
{
    perror(path);
    exit(EXIT_FAILURE);
}

static void print_file(int number, const char *path)
{
    FILE *in = fopen(path, "rb");
    if (!in)
        fail(path);
    printf("static const char file%d[] = {", number);
    int n = 0;
    for (int c; (c = getc(in)) != EOF; n++)
        printf("%s%d,", n % 24 ? "" : "\n", c);
    printf("0};\n");
    if (ferror(in) || fclose(in) != 0)
        fail(path);
}

int main(int argc, char **argv)
{
    printf("#include \"emit/embedded.h\"\n");
    for (int i = 1; i < argc; i++)
        print_file(i, argv[i]);
    printf("const EmbeddedFile embedded_files[] = {\n");
    for (int i = 1; i < argc; i++)
        printf("    {\"%s\", file%d},\n", argv[i], i);
    printf("};\nconst int n_embedded_files = %d;\n", argc - 1);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
