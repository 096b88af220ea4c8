/* The subcommands. argv[0] is the subcommand's own name; each returns the command's exit status. */
#ifndef COMMANDS_H
#define COMMANDS_H

typedef int CommandRun(int argc, char **argv);

CommandRun check_command, plan_command;               /* plan.c */
CommandRun emit_command, build_command, run_command;  /* build.c */
CommandRun fit_command;                               /* fit.c */
CommandRun diff_command;                              /* diff.c */
CommandRun pack_command, solve_command, data_command; /* pack.c, solve.c, data.c */
CommandRun ops_command, strategies_command, targets_command, devices_command; /* tables.c */

#endif
