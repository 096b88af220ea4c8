/* Holds each step of an emitted program's schedule to its tensors: what a kernel writes must lie in
 * what the program's own table says that the step writes, or in its workspace. Linked with --wrap,
 * so that the program's rt_ran() comes through here and the rows are counted; the text stays
 * unchanged. */
#include "../../runtime/rt.h"
#include "sim.h"

extern "C" __attribute__((weak)) const RtProgram rt_program;
__attribute__((weak)) extern char *rt_workspace;
__attribute__((weak)) extern size_t rt_workspace_bytes;
__attribute__((weak)) extern bool rt_is_training;

extern "C" {
__attribute__((weak)) void __real_rt_ran();
void __wrap_rt_ran();
}

static int row;

void __wrap_rt_ran()
{
    row++;
    __real_rt_ran();
}

/* Evaluation runs the forward rows alone, so that rows cannot be told by counting: nothing is held
 * there. */
std::vector<SimRange> sim_row_writes()
{
    std::vector<SimRange> ranges;
    if (!&rt_program || !&__real_rt_ran || !rt_is_training || rt_program.n_schedule == 0)
        return ranges;
    const RtScheduleRow &now = rt_program.schedule[row % rt_program.n_schedule];
    char *arena = sim_first_allocation();
    for (int i = 0; i < now.n_writes; i++) {
        const RtWrite &write = rt_program.writes[now.first_write + i];
        ranges.push_back({arena + write.offset, write.bytes});
    }
    if (rt_workspace)
        ranges.push_back({rt_workspace, rt_workspace_bytes});
    return ranges;
}
