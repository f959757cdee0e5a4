"""Doors for apps in any language and for any agent: MCP, HTTP, and what operators watch."""
