/* The subcommands. argv[0] is the subcommand's own name; each returns the command's exit status. */
#ifndef COMMANDS_H
#define COMMANDS_H

int data_command(int argc, char **argv);
int diff_command(int argc, char **argv);
int pack_command(int argc, char **argv);
int solve_command(int argc, char **argv);

#endif
