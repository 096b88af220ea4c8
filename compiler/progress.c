/* One search at a time: a signal handler has nowhere else to leave its news. */
#include "progress.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;
static bool stopped, shown;
static struct sigaction previous;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

static bool stop(void *context)
{
    (void)context;
    return interrupted;
}

static void show(void *context, size_t peak_bytes, double seconds)
{
    (void)context;
    static time_t last;
    time_t now = time(NULL);
    if (now == last)
        return;
    last = now;
    shown = true;
    fprintf(stderr, "\r\033[Kplanning: peak %.1f MiB, step %.3f ms", (double)peak_bytes / (1 << 20),
            1e3 * seconds);
}

void progress_attach(const Options *options, PlanOptions *plan_options)
{
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    interrupted = 0;
    sigaction(SIGINT, &action, &previous);
    plan_options->stop = stop;
    if (!options->quiet && isatty(STDERR_FILENO))
        plan_options->progress = show;
}

void progress_detach(void)
{
    sigaction(SIGINT, &previous, NULL);
    if (shown)
        fputs("\r\033[K", stderr);
    shown = false;
    if (interrupted && !stopped) {
        stopped = true;
        fputs("rematc: stopped: this is the best plan found so far\n", stderr);
    }
}

bool progress_stopped(void)
{
    return stopped;
}
