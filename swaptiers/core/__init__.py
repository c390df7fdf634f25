"""The compiled decisions over one state: records, cold lists, charges, zsmalloc, resident pages, plans."""
