"""Pictures of trends and alerts, drawn on the server: SVG and PNG by Altair and vl-convert, and the table behind each.

figure       Figure: title, finding, table, and how it is drawn
drawing      colours, fonts and sizes; a figure as SVG, PNG or CSV
plots        what several figures are drawn with
alerts       the figures of one alert
trends       the figures of the trend pages
comparisons  of them, those that hold one thing against another
drivers      the change of each criterion, for alerts and trends
coverage     the figures of the coverage page
"""
