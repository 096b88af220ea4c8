/* A captured step that takes its learning rate as an argument replays the rate of the capture. */
#include "bug.h"

static __global__ void update(float *w, float rate, const float *device_rate)
{
    w[threadIdx.x] -= device_rate ? *device_rate : rate;
}

BUG(18, "host scalar frozen by graph capture")
{
    const int n = 32, steps = 4;
    float *w = on_device(std::vector<float>(n, 100.0f)), *device_rate = on_device<float>(1);
    cudaStream_t stream;
    cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    cudaGraphExec_t exec = nullptr;
    float expected = 100;
    for (int step = 0; step < steps; step++) {
        float rate = (float)(step + 1);
        expected -= rate;
        cudaMemcpy(device_rate, &rate, sizeof rate, cudaMemcpyHostToDevice);
        if (!exec) {
            cudaGraph_t graph;
            cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal);
            LAUNCH(update, 1, n, 0, stream, w, rate, planted ? nullptr : device_rate);
            cudaStreamEndCapture(stream, &graph);
            cudaGraphInstantiate(&exec, graph, 0);
        }
        cudaGraphLaunch(exec, stream);
        cudaStreamSynchronize(stream);
    }
    return difference(from_device(w, n), std::vector<float>(n, expected));
}
