"""The operations for people's AI clients, over the Model Context Protocol. Needs the extra `mcp`."""
