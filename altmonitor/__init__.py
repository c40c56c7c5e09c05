"""altmonitor watches every Binance USDT perpetual and tells a Telegram chat what moved."""

__version__ = "0.2.0"
