"""The operations pages: read models, parked streams, jobs, processes, and the event catalogue."""
