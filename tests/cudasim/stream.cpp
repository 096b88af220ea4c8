/* Streams, events and graphs. An operation is queued and runs as late as the rules allow (only when
 * the host waits for it, or another stream does), as early, or at random moments, as the options
 * say. Vector clocks say what has happened before what, for the checker. */
#include "sim.h"
#include <cstdio>
#include <map>

struct QueuedOp {
    std::string name;
    std::function<void()> run; /* empty for record and wait */
    SimEvent *record, *wait;
    uint64_t version;
    SimClock host; /* what the host knew to be done when it queued this */
    bool is_graph = false;
    std::vector<SimRange> writes = {};
};

struct SimStream {
    int id;
    bool blocking; /* takes part in the default stream's rules */
    std::deque<QueuedOp> queue;
    SimClock clock;
    SimGraph *capture;
};

struct SimEvent {
    uint64_t recorded, done;
    std::map<uint64_t, SimClock> clocks; /* by version */
    SimStream *stream;
    SimGraph *capture; /* recorded there last */
    size_t position;   /* in that graph */
};

/* What was captured, in the order of the calls. */
struct GraphNode {
    SimStream *stream;
    SimOp op;
    SimEvent *record, *wait;
    uint64_t version; /* of its event, within the graph */
};
struct SimGraph {
    SimStream *origin;
    std::vector<GraphNode> nodes;
    std::vector<SimStream *> joined; /* streams that are part of the capture */
};
struct SimGraphExec {
    SimGraph graph;
};

static SimStream default_stream{};
static std::vector<SimStream *> streams = {&default_stream};
static SimClock host_clock;
static SimGraph *capturing;

static void pump_one(SimStream *stream);

static SimStream *stream_of(cudaStream_t stream)
{
    if (!stream)
        return &default_stream;
    if (!sim_is_stream(stream))
        sim_report("stream", "not a stream");
    return stream;
}

bool sim_is_stream(cudaStream_t stream)
{
    for (const SimStream *known : streams)
        if (known == stream)
            return true;
    return stream == nullptr;
}

static void join(SimClock *clock, const SimClock &other)
{
    if (clock->size() < other.size())
        clock->resize(other.size());
    for (size_t i = 0; i < other.size(); i++)
        if ((*clock)[i] < other[i])
            (*clock)[i] = other[i];
}

void sim_forbid_capture(const char *call)
{
    if (capturing)
        sim_report("capture", "%s while a stream is being captured", call);
}

/* --- running
 * --------------------------------------------------------------------------------------- */

static std::vector<uint64_t> op_numbers; /* by stream: operations begun */

static void run_op(const std::string &name, int stream, SimClock *clock,
                   const std::function<void()> &run, const std::vector<SimRange> &writes)
{
    size_t id = (size_t)stream;
    if (op_numbers.size() <= id)
        op_numbers.resize(id + 1);
    if (clock->size() <= id)
        clock->resize(id + 1);
    (*clock)[id] = ++op_numbers[id];
    sim_open_memory();
    if (sim_checker)
        sim_checker->begin(name.c_str(), stream, (*clock)[id], *clock, writes);
    run();
    if (sim_checker)
        sim_checker->end();
    sim_close_memory();
}

static void finish_record(SimEvent *event, uint64_t version, const SimClock &clock)
{
    event->clocks[version] = clock;
    if (event->done < version)
        event->done = version;
}

static void await_event(SimEvent *event, uint64_t version)
{
    while (event->done < version) {
        if (event->stream->queue.empty())
            sim_report("stream", "a wait that never ends");
        pump_one(event->stream);
    }
}

static void pump_one(SimStream *stream)
{
    QueuedOp op = std::move(stream->queue.front());
    stream->queue.pop_front();
    join(&stream->clock, op.host);
    if (op.record) {
        finish_record(op.record, op.version, stream->clock);
    } else if (op.wait) {
        await_event(op.wait, op.version);
        join(&stream->clock, op.wait->clocks[op.version]);
    } else if (op.is_graph) {
        op.run();
    } else {
        run_op(op.name, stream->id, &stream->clock, op.run, op.writes);
    }
}

static void pump_all(SimStream *stream)
{
    while (!stream->queue.empty())
        pump_one(stream);
}

static void pump_as_asked(SimStream *stream)
{
    if (sim_options.async == ASYNC_EARLY)
        pump_all(stream);
    if (sim_options.async != ASYNC_RANDOM)
        return;
    for (SimStream *each : streams)
        for (uint64_t n = sim_random() % 3; n && !each->queue.empty(); n--)
            pump_one(each);
}

/* The default stream and the blocking streams wait for each other. */
static void order_with_default(SimStream *stream)
{
    if (stream == &default_stream) {
        for (SimStream *each : streams)
            if (each->blocking) {
                pump_all(each);
                join(&default_stream.clock, each->clock);
            }
    } else if (stream->blocking) {
        pump_all(&default_stream);
        join(&stream->clock, default_stream.clock);
    }
}

static void queue_op(SimStream *stream, QueuedOp op)
{
    order_with_default(stream);
    op.host = host_clock;
    stream->queue.push_back(std::move(op));
    pump_as_asked(stream);
}

void sim_enqueue(cudaStream_t handle, SimOp op)
{
    SimStream *stream = stream_of(handle);
    if (sim_row_writes && op.name != "upload" && op.name != "download")
        op.writes = sim_row_writes();
    if (stream->capture) {
        stream->capture->nodes.push_back({stream, std::move(op), nullptr, nullptr, 0});
        return;
    }
    if (stream == &default_stream)
        sim_forbid_capture("work on the default stream");
    queue_op(stream, {op.name, op.begin(), nullptr, nullptr, 0, {}, false, op.writes});
}

/* --- launches
 * -------------------------------------------------------------------------------------- */

static std::map<const void *, int> dynamic_limits;

cudaError_t sim_function_attribute(const void *kernel, cudaFuncAttribute, int value)
{
    if (value > 232448 - 1024)
        return cudaErrorInvalidValue;
    dynamic_limits[kernel] = value;
    return cudaSuccess;
}

static void check_launch(const SimLaunch &launch)
{
    const dim3 &grid = launch.grid, &block = launch.block;
    uint64_t threads = (uint64_t)block.x * block.y * block.z;
    if (threads == 0 || threads > 1024 || block.z > 64)
        sim_report("launch", "%s: a block of %ux%ux%u threads", launch.name, block.x, block.y,
                   block.z);
    if (grid.x == 0 || grid.x > 2147483647u || grid.y == 0 || grid.y > 65535 || grid.z == 0 ||
        grid.z > 65535)
        sim_report("launch", "%s: a grid of %ux%ux%u blocks", launch.name, grid.x, grid.y, grid.z);
    auto limit = dynamic_limits.find(launch.kernel);
    size_t most = limit == dynamic_limits.end() ? (size_t)SIM_STATIC_SHARED : (size_t)limit->second;
    if (launch.shared_bytes > most)
        sim_report("launch", "%s: %zu bytes of dynamic shared memory, %zu allowed", launch.name,
                   launch.shared_bytes, most);
}

void sim_launch(const SimLaunch &launch, cudaStream_t stream, std::function<void()> body,
                std::shared_ptr<void> args, size_t args_bytes)
{
    sim_trace("launch %s grid %u %u %u block %u %u %u", launch.name, launch.grid.x, launch.grid.y,
              launch.grid.z, launch.block.x, launch.block.y, launch.block.z);
    check_launch(launch);
    std::function<void()> run = [=] { sim_run_launch(launch, body, args.get(), args_bytes); };
    sim_enqueue(stream, {launch.name, [run] { return run; }});
}

/* --- streams and events
 * ---------------------------------------------------------------------------- */

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags)
{
    SimStream *made = new SimStream{};
    made->id = (int)streams.size();
    made->blocking = !(flags & cudaStreamNonBlocking);
    streams.push_back(made);
    *stream = made;
    return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t *stream)
{
    return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    pump_all(stream_of(stream));
    return cudaSuccess; /* kept in the list: its id stays its own */
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle)
{
    sim_trace("synchronize stream");
    sim_forbid_capture("cudaStreamSynchronize");
    SimStream *stream = stream_of(handle);
    order_with_default(stream);
    pump_all(stream);
    join(&host_clock, stream->clock);
    return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize()
{
    sim_trace("synchronize device");
    sim_forbid_capture("cudaDeviceSynchronize");
    for (SimStream *stream : streams) {
        pump_all(stream);
        join(&host_clock, stream->clock);
    }
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned)
{
    *event = new SimEvent{};
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *event)
{
    return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    cudaDeviceSynchronize();
    delete event;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle)
{
    sim_trace("record event");
    SimStream *stream = stream_of(handle);
    if (stream->capture) {
        SimGraph *graph = stream->capture;
        event->capture = graph;
        event->position = graph->nodes.size();
        graph->nodes.push_back({stream, {"record", {}}, event, nullptr, event->position});
        return cudaSuccess;
    }
    event->capture = nullptr;
    event->stream = stream;
    queue_op(stream, {"record", {}, event, nullptr, ++event->recorded, {}});
    return cudaSuccess;
}

static void join_capture(SimGraph *graph, SimStream *stream)
{
    if (stream->capture == graph)
        return;
    stream->capture = graph;
    graph->joined.push_back(stream);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned)
{
    sim_trace("wait event");
    SimStream *stream = stream_of(handle);
    if (event->capture) {
        join_capture(event->capture, stream);
        stream->capture->nodes.push_back({stream, {"wait", {}}, nullptr, event, event->position});
        return cudaSuccess;
    }
    if (stream->capture)
        sim_report("capture",
                   "a captured stream waits for an event that was recorded outside the capture");
    if (event->recorded)
        queue_op(stream, {"wait", {}, nullptr, event, event->recorded, {}});
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    sim_trace("synchronize event");
    sim_forbid_capture("cudaEventSynchronize");
    if (event->recorded) {
        await_event(event, event->recorded);
        join(&host_clock, event->clocks[event->recorded]);
    }
    return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event)
{
    sim_forbid_capture("cudaEventQuery");
    if (event->done >= event->recorded) {
        join(&host_clock, event->clocks[event->recorded]);
        return cudaSuccess;
    }
    if (!event->stream->queue.empty())
        pump_one(event->stream); /* who asks in a loop gets there */
    return cudaErrorNotReady;
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to)
{
    if (from->done < from->recorded || to->done < to->recorded)
        return cudaErrorNotReady;
    *ms = 1.0f; /* there is no time here */
    return cudaSuccess;
}

/* --- graphs
 * ---------------------------------------------------------------------------------------- */

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode)
{
    sim_trace("begin capture");
    SimStream *stream = stream_of(handle);
    if (stream == &default_stream || capturing)
        return cudaErrorStreamCaptureUnsupported;
    capturing = new SimGraph{stream, {}, {}};
    join_capture(capturing, stream);
    return cudaSuccess;
}

/* The last work of each stream that joined must come before something that the origin waits for. */
static bool is_joined(const SimGraph *graph, const SimStream *stream)
{
    size_t last_work = 0, last_joined = 0;
    for (size_t i = 0; i < graph->nodes.size(); i++) {
        const GraphNode &node = graph->nodes[i];
        if (node.stream == stream && node.op.begin)
            last_work = i + 1;
        bool by_origin = node.wait && node.stream == graph->origin;
        if (by_origin && graph->nodes[node.version].stream == stream)
            last_joined = node.version + 1;
    }
    return last_joined > last_work || last_work == 0;
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t *graph)
{
    sim_trace("end capture");
    SimStream *stream = stream_of(handle);
    if (!capturing || stream != capturing->origin)
        sim_report("capture", "the capture is not ended on the stream where it began");
    for (SimStream *joined : capturing->joined) {
        if (joined != stream && !is_joined(capturing, joined))
            sim_report("capture", "work of another stream is not joined at the end of the capture");
        joined->capture = nullptr;
    }
    *graph = capturing;
    capturing = nullptr;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long)
{
    sim_trace("instantiate graph %zu", graph->nodes.size());
    *exec = new SimGraphExec{*graph};
    return cudaSuccess;
}

/* One launch of a graph: a queue for each captured stream, and events of its own. */
struct Replay {
    struct Item {
        const GraphNode *node;
        std::function<void()> run;
    };
    std::map<SimStream *, std::deque<Item>> queues;
    std::map<SimStream *, SimClock> clocks;
    std::map<uint64_t, SimClock> done; /* events, by version */
    std::map<uint64_t, SimStream *> recorded_on;
};

static void replay_one(Replay *replay, SimStream *stream)
{
    Replay::Item item = replay->queues[stream].front();
    replay->queues[stream].pop_front();
    SimClock *clock = &replay->clocks[stream];
    if (item.node->record) {
        replay->done[item.node->version] = *clock;
    } else if (item.node->wait) {
        while (!replay->done.count(item.node->version))
            replay_one(replay, replay->recorded_on[item.node->version]);
        join(clock, replay->done[item.node->version]);
    } else {
        run_op(item.node->op.name, stream->id, clock, item.run, item.node->op.writes);
    }
}

static void replay_graph(Replay *replay, SimStream *launched_on)
{
    for (auto &entry : replay->queues)
        replay->clocks[entry.first] = launched_on->clock;
    for (auto &entry : replay->queues)
        while (!entry.second.empty())
            replay_one(replay, entry.first);
    for (auto &entry : replay->clocks)
        join(&launched_on->clock, entry.second);
    sim_trace("ran graph");
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t handle)
{
    sim_trace("launch graph");
    sim_forbid_capture("cudaGraphLaunch");
    SimStream *stream = stream_of(handle);
    auto replay = std::make_shared<Replay>();
    for (const GraphNode &node : exec->graph.nodes) {
        if (node.record)
            replay->recorded_on[node.version] = node.stream;
        replay->queues[node.stream].push_back(
            {&node, node.op.begin ? node.op.begin() : std::function<void()>()});
    }
    std::function<void()> run = [=] { replay_graph(replay.get(), stream); };
    queue_op(stream, {"graph", run, nullptr, nullptr, 0, {}, true});
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec)
{
    cudaDeviceSynchronize();
    delete exec;
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    delete graph;
    return cudaSuccess;
}
