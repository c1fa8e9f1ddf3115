"""The command line, the settings, the local servers, the simulator, and the place where the parts are put together."""
