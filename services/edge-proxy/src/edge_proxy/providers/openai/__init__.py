"""OpenAI's API, and the servers that speak it (vLLM, llama.cpp, Ollama and hosted ones): `openai` and `openai-compatible`."""
