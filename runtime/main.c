/* The training program's main: opens everything, takes steps, and saves. */
#include "data.h"
#include "rt_internal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t stop_wanted;

/* The first Ctrl-C ends the run after the step it is in; the second one ends it at once. */
static void on_interrupt(int number)
{
    stop_wanted = 1;
    signal(number, SIG_DFL);
}

typedef struct {
    const RtSourceKind *kind; /* NULL: the model has no inputs */
    RtSource *source;
    RtField *fields; /* the source keeps them */
} Batches;

static Batches open_batches(const RtOptions *options)
{
    Batches batches = {NULL, NULL, NULL};
    if (rt_program.n_inputs == 0)
        return batches;
    batches.kind = rt_program.data_source ? rt_source_find(rt_program.data_source) : NULL;
    if (!batches.kind)
        rt_fail(RT_EXIT_DATA, "there is no data source '%s'",
                rt_program.data_source ? rt_program.data_source : "");
    RtField *fields = (RtField *)rt_alloc((size_t)rt_program.n_inputs, sizeof *fields);
    batches.fields = fields;
    for (int i = 0; i < rt_program.n_inputs; i++) {
        fields[i].input = &rt_program.inputs[i];
        fields[i].batch = rt_device_batch(i);
    }
    batches.source =
        batches.kind->open(&rt_program, options->data, fields, rt_program.n_inputs, options->seed);
    return batches;
}

static int64_t start_weights(const RtOptions *options)
{
    if (options->resume)
        return rt_checkpoint_read(options->resume, options->seed);
    rt_weights_initialize(options->seed);
    if (options->load)
        rt_weights_load(options->load);
    return 0;
}

static void launch(const RtOptions *options, const Batches *batches, void *numbers, int64_t k)
{
    rt_device_batch_wait();
    if (batches->kind)
        batches->kind->next_batch(batches->source, k);
    rt_numbers_fill(numbers, k, options->seed, !options->eval);
    rt_watch_begin(k + 1 == options->steps);
    rt_device_launch(numbers);
    rt_watch_end();
}

/* Takes the steps from `first` on; returns how many steps are done. */
static int64_t train(const RtOptions *options, const Batches *batches, int64_t first)
{
    void *numbers = rt_alloc(1, rt_numbers_bytes());
    RtResult result = {(double *)rt_alloc((size_t)rt_program.n_losses, sizeof(double)),
                       (double *)rt_alloc((size_t)rt_program.n_grad_norms, sizeof(double)), 0};
    int64_t k = first, reported = first;
    for (; k < options->steps && !stop_wanted; k++) {
        launch(options, batches, numbers, k);
        for (; reported + rt_device_lag <= k; reported++) {
            rt_device_result(&result);
            rt_metrics_step(options, reported, &result);
        }
        if (options->checkpoint_every > 0 && (k + 1) % options->checkpoint_every == 0)
            rt_checkpoint_write(options->checkpoint_dir, k + 1, options->seed);
    }
    for (; reported < k; reported++) {
        rt_device_result(&result);
        rt_metrics_step(options, reported, &result);
    }
    free(result.losses);
    free(result.grad_norms);
    free(numbers);
    return k;
}

int main(int argc, char **argv)
{
    const RtOptions options = rt_options_parse(argc, argv);
    rt_device_early(argv);
    rt_metrics_open(&options);
    rt_device_open(&options);
    if (options.checkpoint_every > 0)
        rt_checkpoint_prepare(options.checkpoint_dir);
    const int64_t first = start_weights(&options);
    const Batches batches = open_batches(&options);
    rt_watch_open(&options);
    signal(SIGINT, on_interrupt);
    rt_metrics_start();
    const int64_t done = train(&options, &batches, first);
    rt_watch_close(&options);
    if (options.save)
        rt_weights_save(options.save);
    rt_metrics_done(&options, done - first, stop_wanted != 0);
    if (batches.kind)
        batches.kind->close(batches.source);
    free(batches.fields);
    rt_device_close();
    return 0;
}
