"""Pictures of trends and alerts, drawn on the server: SVG and PNG by Altair and vl-convert, and the table behind each.

figure     Figure: title, finding, table, and how it is drawn
drawing    colours, fonts and sizes; a figure as SVG, PNG or CSV
alerts     the figures of one alert
trends     the figures of the trend pages
"""
