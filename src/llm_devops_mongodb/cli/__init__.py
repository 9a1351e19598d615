"""The command line `llm-devops-mongodb`, behind the extra `cli`."""
