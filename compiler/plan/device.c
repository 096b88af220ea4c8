/* Device files to Devices. */
#include "plan/device.h"

#include "base/size.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *text;
} files[] = {
#define DEVICE(name, text) {name, text},
#include "devices.def"
#undef DEVICE
};

enum { N_FILES = sizeof files / sizeof *files };

int device_count(void)
{
    return N_FILES;
}

const char *device_name(int index)
{
    return files[index].name;
}

Device *device_find(Arena *arena, const char *name)
{
    for (int i = 0; i < N_FILES; i++)
        if (strcmp(name, files[i].name) == 0) {
            const char *error;
            Device *device = device_read(arena, name, files[i].text, &error);
            if (!device)
                bug("%s.device:%s", name, error);
            return device;
        }
    return NULL;
}

/* The rates by their keys; i32 and bool never meet in a product. */
static double *rate_of(Device *device, const char *key)
{
    const struct {
        const char *key;
        double *rate;
    } rates[] = {{"matmul f32", &device->matmul[DT_f32]},
                 {"matmul bf16", &device->matmul[DT_bf16]},
                 {"matmul f64", &device->matmul[DT_f64]},
                 {"vector", &device->vector},
                 {"bandwidth", &device->bandwidth},
                 {"launch", &device->launch},
                 {"cores", &device->cores},
                 {"wake", &device->wake},
                 {"cached", &device->cached},
                 {"efficiency", &device->efficiency}};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        if (strcmp(key, rates[i].key) == 0)
            return rates[i].rate;
    return NULL;
}

static char *trimmed(Arena *arena, const char *from, const char *to)
{
    while (from < to && isspace((unsigned char)*from))
        from++;
    while (to > from && isspace((unsigned char)to[-1]))
        to--;
    return arena_strndup(arena, from, (size_t)(to - from));
}

/* NULL, or what was expected. */
static const char *read_setting(Arena *arena, Device *device, const char *key, const char *value)
{
    if (strcmp(key, "description") == 0) {
        device->description = value;
        return NULL;
    }
    if (strcmp(key, "memory") == 0)
        return size_parse(value, &device->memory_bytes) ? NULL : "a size such as 80 GiB";
    if (strcmp(key, "cache") == 0)
        return size_parse(value, &device->cache_bytes) ? NULL : "a size such as 4 MiB";
    double *rate = rate_of(device, key);
    if (!rate)
        return arena_printf(
            arena,
            "description, memory, matmul f32, matmul bf16, matmul f64, vector,"
            " bandwidth, cache, cached, launch, cores, wake or efficiency; found '%s'",
            key);
    char *end;
    *rate = strtod(value, &end);
    return end != value && !*end && *rate > 0 && *rate < 1e30 ? NULL : "a number above 0";
}

static const char *read_line(Arena *arena, Device *device, const char *line)
{
    const char *comment = strchr(line, '#'), *end = comment ? comment : line + strlen(line);
    const char *equals = memchr(line, '=', (size_t)(end - line));
    if (!equals)
        return *trimmed(arena, line, end) ? "KEY = VALUE" : NULL;
    return read_setting(arena, device, trimmed(arena, line, equals),
                        trimmed(arena, equals + 1, end));
}

static const char *find_missing(const Device *device)
{
    if (device->matmul[DT_f32] == 0)
        return "matmul f32";
    if (device->vector == 0)
        return "vector";
    return device->bandwidth == 0 ? "bandwidth" : NULL;
}

/* What need not be said: products of other types as fast as f32, full efficiency, one core, no
 * cache, and that launches and waking cost nothing. */
static void fill_in(Device *device)
{
    for (Dtype d = 0; d < N_DTYPES; d++)
        if (device->matmul[d] == 0)
            device->matmul[d] = device->matmul[DT_f32];
    if (device->efficiency == 0)
        device->efficiency = 1;
    if (device->cached == 0)
        device->cached = device->bandwidth;
    if (device->cores == 0)
        device->cores = 1;
    if (!device->description)
        device->description = device->name;
}

Device *device_read(Arena *arena, const char *name, const char *text, const char **error)
{
    Device *device = NEW(arena, Device);
    device->name = arena_strdup(arena, name);
    int number = 1;
    for (const char *at = text; *at; number++) {
        size_t n = strcspn(at, "\n");
        const char *expected = read_line(arena, device, arena_strndup(arena, at, n));
        if (expected) {
            *error = arena_printf(arena, "%d: error: expected %s", number, expected);
            return NULL;
        }
        at += n + (at[n] == '\n');
    }
    const char *missing = find_missing(device);
    if (missing) {
        *error = arena_printf(arena, "%d: error: there is no `%s`", number, missing);
        return NULL;
    }
    fill_in(device);
    return device;
}
