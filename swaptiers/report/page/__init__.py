"""Results as one self-contained HTML page, and its pictures as files: needs the extra `report`."""
