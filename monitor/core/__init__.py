"""The functional core: values in, values out, the standard library only."""
