// A graph together with the Python arrays that its nodes point into.
#pragma once
#include <pybind11/numpy.h>

#include <memory>
#include <vector>

#include "program/graph.h"

namespace hotloop::bind {

struct PyGraph {
  std::shared_ptr<Graph> graph = std::make_shared<Graph>();
  std::vector<pybind11::array> kept;
  bool taken = false;  // by a program: nodes hold its working memory
};

}  // namespace hotloop::bind
