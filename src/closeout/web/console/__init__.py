"""The agents' console: queue, case, decisions, holds, evidence, numbers."""
