"""The Streamlit dashboard: theme, charts, forms and views that the pages are put together from."""
