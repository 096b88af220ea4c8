/* The runtime of emitted programs: weights in files, resuming, and what it says to wrong input. The
 * program is built with the address and undefined-behaviour sanitizers. */
#include "tests/support/command.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *runtime_suite(void);

static char home[128]; /* the folder that all tests here share */

/* home/small/small, made once, before the tests' own processes start. */
static void build_program(void)
{
    const char *scratch = scratch_folder();
    snprintf(home, sizeof home, "%s", scratch);
    const CommandResult *result = run_shell(
        "CFLAGS=\"-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all\" "
        "%s build tests/cases/program/small.net -q --target cpu --strategy marked -o %s/small",
        rematc_path(), scratch);
    if (result->status != 0) {
        fputs(result->err, stderr);
        exit(EXIT_FAILURE);
    }
}

/* Runs a command line in that folder, where P is the program. */
static const CommandResult *run(const char *commands)
{
    return run_shell("cd %s && P=\"./small/small --quiet --threads 2\" && %s", home, commands);
}

static void succeeds(const char *commands)
{
    const CommandResult *result = run(commands);
    ck_assert_msg(result->status == 0, "%s: status %d: %s%s", commands, result->status, result->out,
                  result->err);
}

/* ---- what must work ----------------------------------------------------------------------------
 */

static const char *const working[] = {
    /* weights survive a file */
    "$P --save a.st && $P --steps 0 --load a.st --save b.st && cmp a.st b.st",
    /* another seed is another start */
    "$P --steps 0 --save a.st && $P --steps 0 --seed 9 --save b.st && ! cmp -s a.st b.st",
    /* going on from a checkpoint is the same as never having stopped */
    "$P --save a.st && rm -rf ck && $P --steps 5 --checkpoint-every 5 --checkpoint-dir ck && "
    "$P --resume ck --save b.st && cmp a.st b.st",
    /* what is recomputed has the same bits */
    "$P --verify",
    /* looking at a run does not change it */
    "$P --save a.st && $P --verify --profile p.json --dump d.st --metrics m --save b.st && "
    "cmp a.st b.st && grep -q rematc-profile/1 p.json",
    /* nothing is trained in --eval, and dropout is off */
    "$P --steps 0 --save a.st && $P --eval --steps 3 --save b.st --metrics m && cmp a.st b.st && "
    "grep -q mean_loss m",
    /* the first interrupt ends the run after its step, with all that was asked for written */
    "rm -f a.st; ./small/small --quiet --steps 2000000 --save a.st & sleep 2; kill -INT $!; "
    "wait $! && test -s a.st",
    /* thread counts and help */
    "$P --threads 1 --steps 1 && ./small/small --help | grep -q checkpoint-every",
    /* with a clip the norm is a number */
    "$P --steps 1 --metrics m && grep -q \"grad_norm..[0-9]\" m",
};

START_TEST(it_works)
{
    succeeds(working[_i]);
}
END_TEST

/* ---- what must be refused ----------------------------------------------------------------------
 */

static const struct {
    const char *commands;
    int status;
    const char *says; /* a part of the message */
} refused[] = {
#define REFUSED(commands, status, says) {commands, status, says},
#include "tests/cases/program/refused.def"
#undef REFUSED
};

START_TEST(it_is_refused)
{
    const CommandResult *result = run(refused[_i].commands);
    ck_assert_msg(result->status == refused[_i].status, "%s: status %d: %s", refused[_i].commands,
                  result->status, result->err);
    ck_assert_msg(strstr(result->err, refused[_i].says) != NULL, "%s: %s", refused[_i].commands,
                  result->err);
}
END_TEST

/* Every byte of a small file's header damaged in turn: an error or a load, never a crash. */
START_TEST(no_damage_to_a_header_brings_it_down)
{
    char commands[512];
    succeeds("$P --steps 0 --save a.st");
    for (int at = _i; at < 700; at += 97) {
        snprintf(commands, sizeof commands,
                 "cp a.st b.st && printf \"\\%03o\" | dd of=b.st bs=1 seek=%d conv=notrunc "
                 "2>/dev/null && $P --steps 0 --load b.st",
                 (unsigned)(at * 37 % 256), at);
        const int status = run(commands)->status;
        ck_assert_msg(status == 0 || status == 1, "byte %d: status %d", at, status);
    }
}
END_TEST

/* A program whose relu gives something else from its 101st element on is found out by --verify. */
START_TEST(a_recompute_that_differs_is_found)
{
    const CommandResult *result = run_shell(
        "%s emit examples/tutorial/deep.net -q --target cpu --strategy marked -o %s/deep "
        "-D batch=4 -D blocks=3 && cd %s/deep && "
        "sed -i \"s/^static inline real ew_relu(real a) { return /static long elements;\\n"
        "&(real)(elements++ > 100) + /\" deep.c && grep -q elements deep.c && "
        "CFLAGS=-O0 make -s && ./deep --steps 1 --threads 1 --quiet && "
        "./deep --steps 1 --threads 1 --quiet --verify",
        rematc_path(), home, home);
    ck_assert_msg(result->status == 70, "status %d: %s", result->status, result->err);
    ck_assert_msg(strstr(result->err, "--verify: the recompute of block[0].relu[0]"), "%s",
                  result->err);
}
END_TEST

Suite *runtime_suite(void)
{
    Suite *suite = suite_create("runtime");
    TCase *tcase = tcase_create("runtime");
    tcase_set_timeout(tcase, 600);
    tcase_add_unchecked_fixture(tcase, build_program, NULL);
    tcase_add_loop_test(tcase, it_works, 0, (int)(sizeof working / sizeof working[0]));
    tcase_add_loop_test(tcase, it_is_refused, 0, (int)(sizeof refused / sizeof refused[0]));
    tcase_add_test(tcase, a_recompute_that_differs_is_found);
    tcase_add_loop_test(tcase, no_damage_to_a_header_brings_it_down, 0, 4);
    suite_add_tcase(suite, tcase);
    return suite;
}
