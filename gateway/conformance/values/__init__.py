"""Values by themselves, wherever they stand: formats, codes, references, extensions, attachments, narratives."""
