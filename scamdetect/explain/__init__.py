"""Why a message was scored as it was."""
