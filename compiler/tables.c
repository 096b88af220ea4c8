/* rematc ops, strategies, targets and devices: the tables as they are compiled in. */
#include "commands.h"

#include "base/base.h"
#include "emit/target.h"
#include "graph/ops.h"
#include "plan/device.h"
#include "plan/strategies/strategies.h"

#include <stdio.h>

int ops_command(int argc, char **argv)
{
    (void)argc, (void)argv;
    for (int i = 0; i < N_OPS; i++) {
        const Operator *row = op_row((OpKind)i);
        if (!row->internal && row->group != OP_IS_KERNEL)
            printf("%s\n    %s\n", row->signature, row->help);
    }
    return EXIT_DONE;
}

int strategies_command(int argc, char **argv)
{
    (void)argc, (void)argv;
    for (int i = 0; i < N_STRATEGIES; i++)
        printf("%-10s %s\n", strategies[i].name, strategies[i].help);
    return EXIT_DONE;
}

int targets_command(int argc, char **argv)
{
    (void)argc, (void)argv;
    for (int i = 0; i < n_targets; i++)
        printf("%-10s %s\n", targets[i].name, targets[i].help);
    return EXIT_DONE;
}

int devices_command(int argc, char **argv)
{
    (void)argc, (void)argv;
    Arena *arena = arena_new();
    for (int i = 0; i < device_count(); i++)
        printf("%-10s %s\n", device_name(i), device_find(arena, device_name(i))->description);
    printf("%-10s %s\n", "native", "this machine, measured once and kept in the cache folder");
    arena_free(arena);
    return EXIT_DONE;
}
