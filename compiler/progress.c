/* A line on standard error once a second, and the word that a search was stopped, once. */
#include "progress.h"

#include "interrupt.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static bool said, shown;

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
    interrupt_catch();
    plan_options->stop = stop;
    if (!options->quiet && isatty(STDERR_FILENO))
        plan_options->progress = show;
}

void progress_detach(void)
{
    interrupt_release();
    if (shown)
        fputs("\r\033[K", stderr);
    shown = false;
    if (interrupted && !said) {
        said = true;
        fputs("rematc: stopped: this is the best plan found so far\n", stderr);
    }
}
