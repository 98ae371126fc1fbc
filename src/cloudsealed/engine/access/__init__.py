"""What a policy document of AWS allows: patterns as sets, conditions, statements, and who gets in.

Pure functions on parsed documents, below the functions of the language. Refuses to know a service's
actions: whoever asks names them.
"""
