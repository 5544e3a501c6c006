// Device memory: pages that are there only while a kernel or a copy runs, and for the tests' CuPy. Host code that
// reads through a device pointer dies of it, as it would on a GPU.
#pragma once
#include <cstddef>

namespace emulator {

// The pages are there while one of these lives, in any thread.
struct DeviceMemoryVisible {
  DeviceMemoryVisible();
  ~DeviceMemoryVisible();
  DeviceMemoryVisible(const DeviceMemoryVisible&) = delete;
  DeviceMemoryVisible& operator=(const DeviceMemoryVisible&) = delete;
};

}  // namespace emulator

// For the tests' CuPy, by ctypes. Blocks begin at multiples of 512 bytes; null where there is no room.
extern "C" {
__attribute__((visibility("default"))) void* hotloop_device_allocate(std::size_t bytes);
__attribute__((visibility("default"))) void hotloop_device_free(void* block, std::size_t bytes);
__attribute__((visibility("default"))) void hotloop_device_show(int shown);
}
