/* Texts are read through zlib, which passes plain files as they are. */
#include "data/files.h"

#include "base/base.h"
#include "data/message.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static int read_stream(const char *path, gzFile file, Bytes *bytes)
{
    size_t capacity = 1 << 16;
    bytes->data = xmalloc(capacity);
    for (;;) {
        if (capacity - bytes->n < 2)
            bytes->data = xrealloc(bytes->data, capacity *= 2);
        size_t room = capacity - bytes->n - 1;
        int n = gzread(file, bytes->data + bytes->n, (unsigned)(room > 1 << 30 ? 1 << 30 : room));
        if (n <= 0)
            break;
        bytes->n += (size_t)n;
    }
    bytes->data[bytes->n] = '\0';
    int status;
    const char *text = gzerror(file, &status);
    if (status == Z_OK || status == Z_STREAM_END)
        return EXIT_DONE;
    if (status == Z_ERRNO)
        return message_error(EXIT_INPUT, path, 0, "cannot be read:");
    if (status == Z_BUF_ERROR)
        return message_error(EXIT_INPUT, path, 0,
                             "the gzip data ends early, after %zu bytes of text", bytes->n);
    return message_error(EXIT_INPUT, path, 0,
                         "the gzip data is damaged after %zu bytes of text: %s", bytes->n, text);
}

int file_read(const char *path, Bytes *bytes)
{
    *bytes = (Bytes){0};
    int descriptor = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY);
    if (descriptor < 0)
        return message_error(EXIT_INPUT, path, 0, "cannot be opened:");
    gzFile file = gzdopen(descriptor, "rb");
    if (!file) {
        close(descriptor);
        return message_error(EXIT_INPUT, path, 0, "cannot be opened: out of memory");
    }
    int status = read_stream(path, file, bytes);
    gzclose(file);
    if (status != EXIT_DONE) {
        free(bytes->data);
        *bytes = (Bytes){0};
    }
    return status;
}

int file_read_binary(const char *path, Bytes *bytes)
{
    struct stat info;
    *bytes = (Bytes){0};
    FILE *file = fopen(path, "rb");
    if (!file || fstat(fileno(file), &info) != 0 || S_ISDIR(info.st_mode)) {
        message_error(EXIT_INPUT, path, 0, "cannot be opened:");
        if (file)
            fclose(file);
        return EXIT_INPUT;
    }
    bytes->data = xmalloc((size_t)info.st_size + 1);
    bytes->n = fread(bytes->data, 1, (size_t)info.st_size, file);
    bytes->data[bytes->n] = '\0';
    fclose(file);
    if (bytes->n == (size_t)info.st_size)
        return EXIT_DONE;
    free(bytes->data);
    *bytes = (Bytes){0};
    return message_error(EXIT_INPUT, path, 0, "cannot be read to its end");
}
