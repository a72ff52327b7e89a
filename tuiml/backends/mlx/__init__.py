"""The backend that runs on MLX. No module outside this package imports mlx."""
