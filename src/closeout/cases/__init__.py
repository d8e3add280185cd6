"""The case file: the only room with state. Operations change it, queries read it, the worker moves it on."""
