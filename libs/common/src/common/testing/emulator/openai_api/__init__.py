"""OpenAI's API as `openai-python` knows it: one module per operation, chat completions in several."""
