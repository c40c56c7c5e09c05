-- Alerts of several venues. What was stored before was of the only one there was.

ALTER TABLE alerts ADD COLUMN venue TEXT NOT NULL DEFAULT 'binance'; -- binance, bybit, okx, hyperliquid
