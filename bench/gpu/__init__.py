"""What ``bench/gpu_check.py`` does, part by part; ``python bench/gpu_check.py --help`` says how to use it."""
