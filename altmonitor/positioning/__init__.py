"""Who is positioned which way: formulas over what exchanges tell, without any I/O. Units are in names and types.

What followed traders hold   smart_money · share_of_oi · profit · pnl · whale_line
Ratios of longs to shorts    top_traders · divergence · periods
Open interest and funding    oi_velocity · funding · funding_spread
Over stored snapshots        change · trend · scan · chart · position_alerts
Single traders together      crowd
As JSON values               picture · api_values · tracking_values
Scores of other numbers      composite · kelly
Rounding and units           units
"""
