/* Runs each planted bug and its corrected version under each finder, each in a process of its own,
 * and prints a line for each: number, planted|fixed, mode, outcome (right, wrong, or the report's
 * finder), name. The modes are those of this build: thread orders for the plain one, one run for
 * the sanitizers' and the checker's. */
#include "../sim.h"
#include "bug.h"
#include <algorithm>
#include <sys/wait.h>
#include <unistd.h>

static std::vector<Bug> &bugs()
{
    static std::vector<Bug> all;
    return all;
}

void bug_add(const Bug &bug)
{
    bugs().push_back(bug);
}

struct Mode {
    const char *name;
    SimOrder order;
    bool strict;
    uint64_t seed;
};
static const Mode plain_modes[] = {
    {"forward", ORDER_FORWARD, false, 1}, {"reverse", ORDER_REVERSE, false, 1},
    {"lifo", ORDER_LIFO, false, 1},       {"random", ORDER_RANDOM, false, 1},
    {"random", ORDER_RANDOM, false, 2},   {"strict", ORDER_FORWARD, true, 1},
};
static const Mode checker_modes[] = {{"checker", ORDER_FORWARD, false, 1}};
static const Mode sanitizer_modes[] = {{"sanitizer", ORDER_FORWARD, false, 1}};

static std::string read_all(int from)
{
    std::string text;
    char buffer[512];
    for (ssize_t n; (n = read(from, buffer, sizeof buffer)) > 0;)
        text.append(buffer, (size_t)n);
    return text;
}

static std::string outcome_of(int status, const std::string &text)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return "right";
    if (WIFEXITED(status) && WEXITSTATUS(status) == 1 && text.empty())
        return "wrong";
    if (WIFEXITED(status) && WEXITSTATUS(status) == SIM_EXIT_REPORT) {
        size_t from = text.find("cudasim: ") + 9;
        return text.substr(from, text.find(':', from) - from);
    }
    return text.find("runtime error") != text.npos || text.find("AddressSanitizer") != text.npos
               ? "sanitizer"
               : "died";
}

static void run_one(const Bug &bug, bool planted, const Mode &mode)
{
    int ends[2];
    if (pipe(ends))
        exit(3);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 2);
        close(ends[0]);
        sim_options.order = mode.order;
        sim_options.strict = mode.strict;
        sim_options.seed = mode.seed;
        alarm(20);
        double wrong = bug.run(planted);
        _exit(wrong == 0 ? 0 : 1);
    }
    close(ends[1]);
    std::string text = read_all(ends[0]);
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    printf("%d %s %s %s %s\n", bug.number, planted ? "planted" : "fixed", mode.name,
           outcome_of(status, text).c_str(), bug.name);
    if (getenv("CUDASIM_VERBOSE"))
        printf("    %s\n", text.c_str());
}

template <size_t N> static void run_modes(const Mode (&modes)[N])
{
    std::sort(bugs().begin(), bugs().end(),
              [](const Bug &a, const Bug &b) { return a.number < b.number; });
    for (const Bug &bug : bugs())
        for (const Mode &mode : modes) {
            run_one(bug, true, mode);
            run_one(bug, false, mode);
        }
}

int main()
{
    if (sim_checker)
        run_modes(checker_modes);
    else if (SIM_ASAN)
        run_modes(sanitizer_modes);
    else
        run_modes(plain_modes);
    return 0;
}
