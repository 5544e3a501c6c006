// In the CUDA half a team is the thread that launches: the GPU shares out the work by itself.
#include "cpu/team.h"

namespace hotloop {

void Barrier::wait() {}
void Relay::wait_for(int, std::uint64_t) const {}

void run_team(int, void (*body)(void* context, Team& team), void* context) {
  Barrier nobody(1);
  Team alone(0, 1, nobody);
  body(context, alone);
}

int num_threads() { return 1; }
void set_num_threads(int) {}
int most_threads() { return 1; }
int available_cpus() { return 1; }
int threads_worth(double) { return 1; }
int forks() { return 0; }

}  // namespace hotloop
